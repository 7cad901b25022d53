"""Kokoro: a small model with 54 voices in nine languages, on ONNX Runtime or on torch."""
