"""Language models behind one contract, and the chain that fails over between them.

Nothing here knows LiveKit; `parley_orchestrator.livekit_llm` is the border to it.
"""
