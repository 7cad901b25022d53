"""vLLM as the engine: its command line, and the edge that runs inside its server.

Nothing here imports vLLM, and nothing that vLLM imports from here needs more than its own
environment holds.
"""
