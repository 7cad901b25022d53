"""A call of LiveKit's server: the list of rooms, with a token that we sign for it."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlsplit, urlunsplit

from parley.doctor.findings import Line, failure, ok
from parley.doctor.http import Nonsense, NoReply, Reply, request, shown

_CALL_S = 10.0
_VALID_S = 60


async def check_livekit(url: str, api_key: str, api_secret: str, now: float) -> Line:
    """
    Args:
        now: seconds since 1970.
    """
    base = http_url(url)
    headers = {"authorization": f"Bearer {token(api_key, api_secret, now)}"}
    try:
        reply = await request(
            "POST",
            f"{base}/twirp/livekit.RoomService/ListRooms",
            headers=headers,
            deadline_s=_CALL_S,
            json={},
        )
        return judge_livekit(reply, shown(base))
    except NoReply as exc:
        return failure(
            f"{shown(base)}: {exc}",
            "Correct LIVEKIT_URL, or remove it and set COMPOSE_PROFILES=calls,livekit for a server "
            "here.",
        )


def judge_livekit(reply: Reply, where: str) -> Line:
    """
    Raises:
        Nonsense: this is not LiveKit's API.
    """
    if reply.status == 200:
        reply.json()
        return ok(f"{where} takes the key and its secret")
    if reply.status in (401, 403):
        return failure(
            f"the key or its secret was refused ({reply.status})",
            "Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair of the project at LIVEKIT_URL; "
            "a clock that is wrong does this too.",
        )
    raise Nonsense(f"answered {reply.status}, as LiveKit would not")


def http_url(url: str) -> str:
    """The address of LiveKit's API, given the one that clients connect to."""
    parts = urlsplit(url.rstrip("/"))
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit(parts._replace(scheme=scheme))


def token(api_key: str, api_secret: str, now: float) -> str:
    """A JWT (HS256) that may list rooms, for a minute."""
    claims = {
        "iss": api_key,
        "nbf": int(now) - _VALID_S,
        "exp": int(now) + _VALID_S,
        "video": {"roomList": True},
    }
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    signature = hmac.new(api_secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def _encoded(part: dict[str, object]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
