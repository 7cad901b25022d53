"""`ws`: our own assistant over the WS-LLM protocol, several questions at a time on pooled sockets.

The assistant's persona, model, temperature and length of answers are the server's own: the
protocol has no field for them, and refuses messages of role system. So the instructions are not
sent, which the log notes once. Each question brings its whole conversation; where that is a
single message, which the server would take for the next one of what it remembers, the connection
is told to forget first.
"""

import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from parley_orchestrator.llm.chat import ChatRequest, Item
from parley_orchestrator.llm.config import LlmConfig
from parley_orchestrator.llm.pool import Limits, Pool
from parley_orchestrator.llm.sockets import Lost, bearer, open_socket, socket_url
from parley_orchestrator.llm.transports.timed_transport import TimedTransport
from parley_orchestrator.llm.transports.ws_line import Line
from parley_orchestrator.llm.transports.ws_wire import WsAnswer, chat_of

_log = logging.getLogger("parley.orchestrator")
_NAME = "ws"
# Half of what the service allows: a question that was taken back counts there for a moment more.
_PER_SOCKET = 4


class WsLlm(TimedTransport):
    """
    Args:
        config: `base_url` is the service's root; `/ws` is added.

    Raises:
        ValueError: it is empty.
    """

    def __init__(self, config: LlmConfig) -> None:
        if not config.base_url:
            raise ValueError("base_url: ws has no default")
        super().__init__(_NAME, config)
        if config.temperature is not None or config.max_tokens is not None:
            _log.info("ws: temperature and length of answers are the server's")
        self._noted = False
        self._pool = Pool(
            self._open, Limits(per_connection=_PER_SOCKET, wait_s=config.connect_timeout_s)
        )

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()

    async def _items(self, request: ChatRequest) -> AsyncGenerator[Item, None]:
        """A kept socket that closes before a word came back was stale, and no model failed."""
        self._note(request.instructions)
        chat = chat_of(request, uuid.uuid4().hex)
        while True:
            async with self._pool.connection() as lease:
                begun = False
                answer = WsAnswer(_NAME)
                try:
                    async with aclosing(lease.connection.ask(chat)) as replies:
                        async for reply in replies:
                            begun = True
                            for item in answer.push(reply):
                                yield item
                    return
                except Lost as lost:
                    if begun or lease.is_fresh:
                        raise lost.failure(_NAME, begun=begun) from lost

    def _note(self, instructions: str) -> None:
        if instructions and not self._noted:
            self._noted = True
            _log.info("ws: the persona is the server's; the instructions are not sent")

    async def _open(self) -> Line:
        url = socket_url(self._config.base_url, "/ws")
        headers = bearer(self._config.api_key)
        return Line(await open_socket(url, headers, _NAME, self._config.connect_timeout_s))
