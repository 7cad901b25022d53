"""Text to speech: over the text-in WebSocket of our own service, else sentence by sentence.

`WS /audio/speech/stream` (docs/tts-stream.md) takes the words of a language model as they come.
The service cuts them: a first clause of some words, then sentences, of which it makes the next
while one is heard. So nothing is split here.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    tokenize,
    tts,
    utils,
)
from livekit.plugins import openai

from parley_orchestrator.routes import Found, websocket_at
from parley_orchestrator.settings import OrchestratorSettings

RATE = 24_000
CONNECTING = APIConnectOptions(max_retry=1, retry_interval=0.4, timeout=5.0)

_ROUTE = "audio/speech/stream"
# Under the 10 minutes after which the service hangs up on an idle session.
_KEPT_S = 300.0
_GOODBYE_S = 1.0
_MAX_MESSAGE_BYTES = 8 << 20
_RETRYABLE = (
    "not_ready", "overloaded", "rate_limit_exceeded", "deadline_exceeded", "internal_error",
)  # fmt: skip


async def streaming_at(settings: OrchestratorSettings, *, within_s: float) -> Found:
    """Whether the service takes text as it is written."""
    key = settings.stack_key
    return await websocket_at(f"{settings.tts_url}/{_ROUTE}", key, within_s=within_s)


def create_tts(settings: OrchestratorSettings, *, streaming: Found) -> tts.TTS[Any]:
    """`unknown` is sentence by sentence: that works with every server."""
    key = settings.stack_key
    if streaming == "yes":
        return StreamedSpeech(
            settings.tts_url, key, model=settings.tts_model, voice=settings.tts_voice
        )
    return _Sentences(
        openai.TTS(
            base_url=settings.tts_url,
            api_key=key or "none",
            model=settings.tts_model,
            voice=settings.tts_voice,
            response_format="pcm",
        )
    )


class _Sentences(tts.StreamAdapter):
    """LiveKit's adapter, with shorter sentences at the beginning; it owns what it adapts."""

    def __init__(self, whole: tts.TTS[Any]) -> None:
        sentences = tokenize.blingfire.SentenceTokenizer(min_sentence_len=8, retain_format=True)
        super().__init__(tts=whole, sentence_tokenizer=sentences)
        self._whole = whole

    async def aclose(self) -> None:
        await super().aclose()
        await self._whole.aclose()


_Socket: TypeAlias = aiohttp.ClientWebSocketResponse


class StreamedSpeech(tts.TTS[Any]):
    """Speech of our own service, 24 kHz mono.

    Args:
        url: of the service, `http…/tts/v1`.
        api_key: empty for none.
    """

    def __init__(self, url: str, api_key: str, *, model: str, voice: str) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True), sample_rate=RATE, num_channels=1
        )
        self._url = f"{url}/{_ROUTE}".replace("http", "ws", 1)
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._session = {"model": model, "voice": voice, "response_format": "pcm"}
        self._leaving: set[asyncio.Task[bool]] = set()
        self.sockets = utils.ConnectionPool[_Socket](
            connect_cb=self._connect,
            close_cb=_hang_up,
            max_session_duration=_KEPT_S,
            mark_refreshed_on_get=True,
        )

    @property
    def model(self) -> str:
        return self._session["model"]

    @property
    def provider(self) -> str:
        return "parley"

    def prewarm(self) -> None:
        self.sockets.prewarm()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return _Stream(tts=self, conn_options=conn_options)

    def leave(self, socket: _Socket) -> None:
        """Hang up on what is being spoken there; LiveKit's pool alone would not for a while."""
        self.sockets.remove(socket)
        leaving = asyncio.create_task(socket.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def aclose(self) -> None:
        await asyncio.gather(*self._leaving)
        await self.sockets.aclose()

    async def _connect(self, within_s: float) -> _Socket:
        http = utils.http_context.http_session()
        async with asyncio.timeout(within_s):
            socket = await http.ws_connect(
                self._url,
                headers=self._headers,
                max_msg_size=_MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=_GOODBYE_S),
            )
            await socket.send_json({"type": "session.update", "session": self._session})
        return socket


class _Stream(tts.SynthesizeStream):
    """One utterance; a socket goes back to the pool only when all of its audio has come."""

    _tts: StreamedSpeech

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        first = await self._first_text()
        if first is None:
            return
        output_emitter.start_segment(segment_id=utils.shortuuid())
        async with self._socket() as socket, asyncio.timeout(None) as limit:
            writing = asyncio.create_task(self._write(socket, first, limit))
            reading = asyncio.create_task(self._read(socket, output_emitter, limit))
            try:
                await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
                if writing.done() and writing.exception():
                    # Why is in what can still be read, if anywhere.
                    self._postpone(limit, _GOODBYE_S)
                await reading
            finally:
                await utils.aio.cancel_and_wait(reading, writing)

    async def _first_text(self) -> str | None:
        async for text in self._input_ch:
            if isinstance(text, str):
                return text
        return None

    @asynccontextmanager
    async def _socket(self) -> AsyncGenerator[_Socket, None]:
        try:
            socket = await self._tts.sockets.get(timeout=self._conn_options.timeout)
            try:
                yield socket
            except BaseException:
                self._tts.leave(socket)
                raise
            self._tts.sockets.put(socket)
        except TimeoutError as exc:
            raise APITimeoutError("The speech service did not answer in time.") from exc
        except aiohttp.WSServerHandshakeError as exc:
            raise APIStatusError(
                "The speech service let no session in.", status_code=exc.status
            ) from exc
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise APIConnectionError("The speech service cannot be reached.") from exc

    async def _write(self, socket: _Socket, first: str, limit: asyncio.Timeout) -> None:
        self._mark_started()
        await socket.send_json({"type": "input_text.append", "text": first})
        async for text in self._input_ch:
            if isinstance(text, str):
                await socket.send_json({"type": "input_text.append", "text": text})
        await socket.send_json({"type": "input_text.done"})
        # How long the words took was the language model's affair; from now on the service is slow.
        self._postpone(limit, self._conn_options.timeout)

    def _postpone(self, limit: asyncio.Timeout, seconds: float) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _read(
        self, socket: _Socket, emitter: tts.AudioEmitter, limit: asyncio.Timeout
    ) -> None:
        while True:
            event = _event(await socket.receive())
            if limit.when() is not None:
                self._postpone(limit, self._conn_options.timeout)
            match event.get("type"):
                case "speech.audio.delta":
                    emitter.push(_audio(event))
                case "speech.audio.done":
                    return
                case "error":
                    raise _refusal(event)


async def _hang_up(socket: _Socket) -> None:
    await socket.close()


def _event(message: aiohttp.WSMessage) -> Mapping[str, Any]:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise APIConnectionError("The speech service hung up.")
    try:
        event = json.loads(message.data)
    except ValueError as exc:
        raise APIError("The speech service sent what cannot be read.") from exc
    if not isinstance(event, dict):
        raise APIError("The speech service sent what cannot be read.")
    return event


def _audio(event: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(event["audio"], validate=True)
    except (KeyError, TypeError, binascii.Error) as exc:
        raise APIError("The speech service sent what cannot be read.") from exc


def _refusal(event: Mapping[str, Any]) -> APIError:
    error = event.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return APIError(f"The speech service refused: {code}.", retryable=code in _RETRYABLE)
