"""The page for whoever runs the worker: what answers, what rests and why, and how fast."""
