"""The services with their embedded engines, each on a socket of its own, a little used."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx2
from websockets.asyncio.client import connect

from parley_kit.settings import load
from parley_llm.app import create_app as create_llm
from parley_llm.settings import LlmSettings
from parley_stt.app import create_app as create_stt
from parley_stt.settings import SttSettings
from parley_tts.app import create_app as create_tts
from parley_tts.settings import TtsSettings
from parley_ws_llm.app import create_app as create_ws_llm
from parley_ws_llm.settings import WsLlmSettings
from tests.orchestrator.administering import admin_app, board, fail, turn
from tests.serving import serve

KEY = "the-key-of-the-monitoring"
BEARER = {"authorization": f"Bearer {KEY}"}
_QUESTION = [{"role": "user", "content": "How long does the flu last?"}]


@dataclass(frozen=True, slots=True)
class Stack:
    """Addresses by the name of the job that scrapes them."""

    urls: dict[str, str]

    def metrics(self, job: str) -> str:
        response = httpx2.get(f"{self.urls[job]}/metrics", headers=BEARER)
        response.raise_for_status()
        return response.text

    def use(self) -> None:
        """A spoken question, its answer in text, and a chat."""
        with httpx2.Client(headers=BEARER, timeout=20) as client:
            speech = {
                "model": "tts-1",
                "voice": "alloy",
                "input": "Hello.",
                "response_format": "wav",
            }
            spoken = client.post(f"{self.urls['tts']}/v1/audio/speech", json=speech)
            heard = client.post(
                f"{self.urls['stt']}/v1/audio/transcriptions",
                data={"model": "whisper-1"},
                files={"file": ("hello.wav", spoken.content)},
            )
            asked = {"model": "scripted", "messages": _QUESTION}
            answer = client.post(f"{self.urls['llm']}/v1/chat/completions", json=asked)
        for response in (spoken, heard, answer):
            response.raise_for_status()
        asyncio.run(_chat(self.urls["ws-llm"]))


async def _chat(url: str) -> None:
    address = f"ws{url.removeprefix('http')}/ws"
    async with connect(address, additional_headers=BEARER, proxy=None) as socket:
        await socket.send(json.dumps({"type": "chat", "messages": _QUESTION}))
        async with asyncio.timeout(10):
            async for message in socket:
                if json.loads(message)["type"] in ("complete", "error"):
                    return


@contextmanager
def stack() -> Iterator[Stack]:
    """The jobs of prometheus.yml; the orchestrator's is its admin page over a board of a test."""
    with ExitStack() as running:
        llm = running.enter_context(serve(create_llm(load(LlmSettings, api_keys=KEY))))
        stt = SttSettings(api_keys=KEY, workers=1, max_sessions=1)
        assistant = load(WsLlmSettings, api_keys=KEY, openai_base_url=llm, openai_api_key=KEY)
        urls = {
            "stt": running.enter_context(serve(create_stt(stt))),
            "tts": running.enter_context(serve(create_tts(load(TtsSettings, api_keys=KEY)))),
            "llm": llm,
            "ws-llm": running.enter_context(serve(create_ws_llm(assistant))),
        }
        shared = running.enter_context(board())
        fail(shared, "gemini", "connect", 3)
        shared.add_served("qwen", 0.2)
        shared.add_turn(turn(1.0, stt=0.3, endpoint=0.2, llm=0.4, tts=0.1, total=1.0))
        urls["orchestrator"] = running.enter_context(serve(admin_app(shared, api_keys=KEY)))
        yield Stack(urls)
