"""Realtime transcription: speech in over a WebSocket, words out while it is being spoken."""
