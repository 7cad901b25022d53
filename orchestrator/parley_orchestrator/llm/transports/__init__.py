"""One module for each way to reach a language model; heavy imports are inside."""
