"""Text in as it is written, speech out as it is made: `WS /v1/audio/speech/stream`."""
