"""A cheap real call of ws-llm: ask, wait for the first words, cancel."""

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    WebSocketException,
)

from parley.doctor.findings import Line, failure, ok, warning
from parley.doctor.http import Broken, Hung, Nonsense, Reply, no_reply
from parley.doctor.services import Target, judge_refusal
from parley_kit.ws_protocol import CLOSE_UNAUTHENTICATED

_CALL_S = 20.0
_ASKED = {"type": "chat", "id": "doctor", "messages": [{"role": "user", "content": "Hello"}]}


async def call_ws_llm(target: Target) -> Line:
    """
    Raises:
        NoReply: there was no answer, or none of ours.
    """
    address = f"{target.root.replace('http', 'ws', 1)}/ws"
    try:
        async with asyncio.timeout(_CALL_S):
            async with connect(address, additional_headers=target.headers) as socket:
                return judge(target, await _first_words(socket))
    except InvalidStatus as exc:
        reply = Reply(exc.response.status_code, bytes(exc.response.body or b""))
        return judge_refusal(target, reply) or _no_socket(target)
    except InvalidHandshake as exc:
        raise Nonsense("does not speak WebSocket there") from exc
    except TimeoutError as exc:
        raise Hung(f"did not answer within {_CALL_S:g} s") from exc
    except ConnectionClosed as exc:
        if exc.rcvd is not None and exc.rcvd.code == CLOSE_UNAUTHENTICATED:
            return judge_refusal(target, Reply(401, b"")) or _no_socket(target)
        raise Broken("closed the socket before an answer came") from exc
    except WebSocketException as exc:
        raise Broken("closed the socket before an answer came") from exc
    except OSError as exc:
        raise no_reply(exc, _CALL_S) from exc


async def _first_words(socket: ClientConnection) -> dict[str, Any]:
    await socket.send(json.dumps(_ASKED))
    try:
        told = json.loads(await socket.recv())
    except ValueError as exc:
        raise Nonsense("answered with something that is no JSON") from exc
    if not isinstance(told, dict):
        raise Nonsense("answered with JSON of another shape")
    await socket.send(json.dumps({"type": "cancel", "id": _ASKED["id"]}))
    return told


def judge(target: Target, told: dict[str, Any]) -> Line:
    """
    Raises:
        Nonsense: the message is none of the protocol.
    """
    if told.get("type") in ("delta", "complete"):
        return ok("answered")
    if told.get("type") != "error":
        raise Nonsense("answered with a message of another protocol")
    if told.get("code") == "invalid_api_key":
        return judge_refusal(target, Reply(401, b"")) or _no_socket(target)
    said = str(told.get("message", ""))[:200]
    if told.get("code") in ("overloaded", "rate_limit_exceeded", "not_ready"):
        return warning(f"refused for now: {said}", "Try again.")
    return failure(f"could not answer: {said}", "The line of LLM tells whether that one works.")


def _no_socket(target: Target) -> Line:
    return failure(
        "answered a WebSocket with something else",
        "What stands before it has to pass WebSockets on, as our gateway does.",
    )
