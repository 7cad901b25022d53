"""The LiveKit worker: so far its settings only."""
