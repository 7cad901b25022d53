"""Runs vLLM's application for one request, and ends it so that the engine hears of it.

vLLM's handlers work in tasks of their own, which a cancelled handler leaves running: generation
would go on for a caller who is not there. They do listen for `http.disconnect`, so that is how an
end is announced; who does not take the hint is cancelled.
"""

import asyncio

from starlette.types import ASGIApp, Message, Scope

from parley_llm.vllm.answer import Answer

_TAKES_THE_HINT_S = 0.5


async def run(app: ASGIApp, scope: Scope, body: bytes, answer: Answer) -> None:
    """Run until the application ends; cancelling this ends the application."""
    ended = asyncio.Event()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        message = next(messages, None)
        if message is not None:
            return message
        await ended.wait()
        return {"type": "http.disconnect"}

    task = asyncio.ensure_future(app(scope, receive, answer.send))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        answer.end()
        ended.set()
        await asyncio.wait([task], timeout=_TAKES_THE_HINT_S)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
