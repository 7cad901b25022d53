"""`realtime`: OpenAI's Realtime API in text mode, over pooled sockets.

Each question is a response out of band that brings the whole conversation: sessions remember
nothing, so any socket will do for any call. The dialect of the general API is tried first; where a
server refuses it, that of the beta once, and what worked is remembered. What the API has no field
for is not sent: the temperature in the general dialect, and of `max_tokens` more than 4096.
"""

import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from parley_orchestrator.errors import LlmFailed
from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.pool import Limits, Pool
from parley_orchestrator.llm.sockets import Lost
from parley_orchestrator.llm.transports.realtime_answer import RealtimeAnswer
from parley_orchestrator.llm.transports.realtime_session import Session, WrongDialect, open_session
from parley_orchestrator.llm.transports.realtime_wire import OTHER, Dialect, response_create
from parley_orchestrator.llm.transports.timed_transport import TimedTransport

_log = logging.getLogger("parley.orchestrator")
_NAME = "realtime"
_OPENAI = "https://api.openai.com/v1"


class Realtime(TimedTransport):
    """
    Args:
        config: an empty `base_url` is OpenAI's own.
    """

    def __init__(self, config: LlmConfig) -> None:
        based = config if config.base_url else replace(config, base_url=_OPENAI)
        super().__init__(_NAME, based)
        if config.temperature is not None:
            _log.info("realtime: the temperature is sent to servers of the beta dialect only")
        self._dialect: Dialect = "ga"
        self._pool = Pool(self._open, Limits(wait_s=config.connect_timeout_s))

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()

    async def _items(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """A kept socket that closes before a word came back was stale, and no model failed."""
        while True:
            async with self._pool.connection() as lease:
                session = lease.connection
                answer = RealtimeAnswer(_NAME, f"event_{uuid.uuid4().hex}")
                question = response_create(session.dialect, request, self._config, answer.event_id)
                try:
                    async with aclosing(session.ask(question)) as events:
                        async for event in events:
                            for item in answer.push(event):
                                yield item
                    return
                except Lost as lost:
                    if answer.begun or lease.is_fresh:
                        raise lost.failure(_NAME, begun=answer.begun) from lost

    async def _open(self) -> Session:
        try:
            return await open_session(self._config, self._dialect)
        except WrongDialect:
            session = await self._open_in_other()
        self._dialect = session.dialect
        _log.info("realtime speaks the %s dialect", session.dialect)
        return session

    async def _open_in_other(self) -> Session:
        try:
            return await open_session(self._config, OTHER[self._dialect])
        except WrongDialect as wrong:
            raise LlmFailed(f"{_NAME} takes neither dialect", "refused") from wrong
