"""The doctor's calls, on real sockets: of services that work, and of servers that do not."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from parley.doctor import http
from parley.doctor.assistant import call_ws_llm
from parley.doctor.calls import Base, bases, gateway_url
from parley.doctor.findings import Line, Verdict, skipped
from parley.doctor.gemini import check_gemini
from parley.doctor.livekit import check_livekit, http_url, token
from parley.doctor.services import Target, call_llm, call_stt, call_tts, check_service
from parley.doctor.speech import Speech, tone
from tests.cli.commands import up
from tests.cli.doctoring import Answer, foreign
from tests.llm.upstreams import upstream

pytestmark = pytest.mark.anyio

KEY = "a-key-of-the-tests-0123456789"
NOT_STARTED = skipped("not started")
READY = b'{"status":"ready"}'


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    with up(API_KEYS=KEY) as (_, ready):
        yield ready["url"]


def target(base: str, service: str = "llm", key: str = KEY) -> Target:
    models = {"stt": "whisper-1", "tts": "tts-1", "llm": "qwen2-5-7b-instruct"}
    url = f"{base}/{service}/v1"
    return Target(service, url, base, key, models.get(service, ""), NOT_STARTED)


async def checked(asked: Target) -> Line:
    """The line of a service whose call is that of its name."""
    speech = Speech()
    speech.end()
    calls = {
        "stt": lambda t: call_stt(t, speech),
        "tts": lambda t: call_tts(t, "alloy", speech),
        "llm": call_llm,
        "ws-llm": call_ws_llm,
    }
    (line,) = await check_service(asked, calls[asked.name])
    return line


async def test_stt_hears_what_tts_says(stack: str) -> None:
    speech = Speech()
    (spoken,) = await check_service(target(stack, "tts"), lambda t: call_tts(t, "alloy", speech))
    speech.end()
    (heard,) = await check_service(target(stack, "stt"), lambda t: call_stt(t, speech))

    assert spoken.verdict is Verdict.OK, spoken
    assert heard.verdict is Verdict.OK, heard
    assert "heard a sentence" in heard.found


@pytest.mark.parametrize("service", ["stt", "tts", "llm", "ws-llm"])
async def test_a_service_that_works_is_ok_with_its_time(stack: str, service: str) -> None:
    line = await checked(target(stack, service))

    assert line.verdict is Verdict.OK, line
    assert line.found.endswith(" ms")


@pytest.mark.parametrize("service", ["stt", "tts", "llm", "ws-llm"])
@pytest.mark.parametrize("key", ["wrong", ""])
async def test_a_wrong_key_is_told_with_what_to_set(stack: str, service: str, key: str) -> None:
    line = await checked(target(stack, service, key))

    assert line.verdict is Verdict.FAILURE
    assert "refused" in line.found
    assert "OPENAI_API_KEY" in line.todo
    assert KEY not in line.found + line.todo


async def test_a_model_that_is_not_served_is_told(stack: str) -> None:
    line = await checked(replace(target(stack), model="gpt-9"))

    assert line.verdict is Verdict.FAILURE
    assert "404" in line.found


async def test_where_nothing_listens_the_one_who_asked_says_what_that_means() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    for service in ("stt", "tts", "llm", "ws-llm"):
        assert await checked(target(f"http://127.0.0.1:{port}", service)) == NOT_STARTED


async def test_a_name_without_an_address_is_told() -> None:
    line = await checked(target("http://nowhere.invalid"))

    assert "its name has no address" in line.found


async def test_a_certificate_of_nobody_is_told() -> None:
    with upstream(lambda exchange: exchange.reply(200, READY), tls=True) as server:
        line = await checked(target(f"https://127.0.0.1:{server.port}"))

    assert "certificate is not trusted" in line.found
    assert "SSL_CERT_FILE" in line.todo


async def test_a_server_without_tls_is_told() -> None:
    with foreign(lambda path, headers: Answer()) as server:
        line = await checked(target(server.url.replace("http", "https")))

    assert "does not speak TLS" in line.found


async def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.doctor.services._READY_S", 0.2)
    with foreign(lambda path, headers: Answer(hangs=True)) as server:
        line = await checked(target(server.url))

    assert line.verdict is Verdict.FAILURE
    assert "did not answer within 0.2 s" in line.found


async def test_a_download_under_way_is_told_with_how_far_it_is() -> None:
    body = {
        "error": {"message": "The service is not ready: it is starting."},
        "download": {"done_mb": 200.4, "total_mb": 1600.0},
    }
    with foreign(lambda path, headers: Answer(503, json.dumps(body).encode())) as server:
        line = await checked(target(server.url))

    assert line.verdict is Verdict.WARNING
    assert "it is starting. It has downloaded 200 of 1600 MB." in line.found


@pytest.mark.parametrize("status", [502, 504])
async def test_a_gateway_without_the_service_behind_it_is_told(status: int) -> None:
    with foreign(lambda path, headers: Answer(status, b"<html>")) as server:
        line = await checked(target(server.url))

    assert line.verdict is Verdict.FAILURE
    assert "cannot reach llm" in line.found


@pytest.mark.parametrize("service", ["stt", "tts", "llm", "ws-llm"])
@pytest.mark.parametrize(
    "body", [b"", b"<html>hello</html>", b"[]", b'{"status":"UP"}', b"\xff\xfe", b'{"a":']
)
async def test_another_server_is_no_stack(service: str, body: bytes) -> None:
    with foreign(lambda path, headers: Answer(200, body)) as server:
        line = await checked(target(server.url, service))

    assert line.verdict is Verdict.FAILURE
    assert "Is this the base of a Parley stack?" in line.todo


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("stt", b"{}"),
        ("stt", b'{"text": 1}'),
        ("stt", b"nonsense"),
        ("tts", b""),
        ("tts", b"odd"),
        ("llm", b"{}"),
        ("llm", b'{"choices": []}'),
        ("llm", b'{"choices": [1]}'),
        ("llm", b'{"choices": {"message": 1}}'),
        ("ws-llm", b"{}"),
    ],
)
async def test_garbage_for_an_answer_is_told(service: str, body: bytes) -> None:
    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        return Answer(200, READY if path.endswith("/readyz") else body)

    with foreign(answer) as server:
        line = await checked(target(server.url, service))

    assert line.verdict is Verdict.FAILURE, line


@pytest.mark.parametrize(
    ("status", "verdict"), [(429, "warning"), (503, "warning"), (500, "failure")]
)
async def test_an_error_for_an_answer_is_told_with_its_message(status: int, verdict: str) -> None:
    def answer(path: str, headers: Mapping[str, str]) -> Answer:
        if path.endswith("/readyz"):
            return Answer(200, READY)
        return Answer(status, b'{"error": {"message": "Something\\n  is full."}}')

    with foreign(answer) as server:
        line = await checked(target(server.url))

    assert line.verdict == verdict
    assert f"answered {status}: Something is full." in line.found


async def test_a_flood_for_an_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley.doctor.http._MAX_BYTES", 1_000)
    with foreign(lambda path, headers: Answer(200, bytes(100_000))) as server:
        line = await checked(target(server.url))

    assert line.verdict is Verdict.FAILURE


async def test_without_speech_stt_is_given_a_tone(stack: str) -> None:
    assert len(tone()) == 48_000
    assert "heard a tone" in (await checked(target(stack, "stt"))).found


GOOD_TOKEN = b'{"rooms": []}'


def claims_of(authorization: str, secret: str) -> dict[str, object]:
    """What a token says, after a look at its signature, as LiveKit would."""
    head, body, signature = authorization.removeprefix("Bearer ").split(".")
    wanted = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "==") == wanted
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return claims


async def test_livekit_is_asked_for_its_rooms_with_a_token_that_we_sign() -> None:
    with foreign(lambda path, headers: Answer(200, GOOD_TOKEN)) as server:
        line = await check_livekit(server.url.replace("http", "ws"), "APIkey", "secret", 1_000_000)

    assert line.verdict is Verdict.OK
    ((path, headers),) = server.asked
    assert path == "/twirp/livekit.RoomService/ListRooms"
    claims = claims_of(headers["authorization"], "secret")
    assert claims == {
        "iss": "APIkey",
        "nbf": 999_940,
        "exp": 1_000_060,
        "video": {"roomList": True},
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(401, b'{"code": "unauthenticated", "msg": "invalid API key: APIkey"}'), "refused"),
        (Answer(404, b"<html>"), "as LiveKit would not"),
        (Answer(200, b"OK"), "no JSON"),
    ],
)
async def test_livekit_that_refuses_or_is_none_is_told(answer: Answer, said: str) -> None:
    with foreign(lambda path, headers: answer) as server:
        line = await check_livekit(server.url, "APIkey", "secret", 1_000_000)

    assert line.verdict is Verdict.FAILURE
    assert said in line.found
    assert "APIkey" not in line.found


async def test_livekit_that_is_away_is_told() -> None:
    line = await check_livekit("ws://nowhere.invalid", "k", "s", 0)

    assert "its name has no address" in line.found


def test_the_api_of_livekit_is_where_its_sockets_are() -> None:
    assert http_url("wss://a.b:1/") == "https://a.b:1"
    assert http_url("ws://a.b") == "http://a.b"
    assert token("a", "b", 1).count(".") == 2


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (Answer(200, b'{"name": "models/m"}'), "ok", "takes the key"),
        (Answer(400, b"{}"), "failure", "refused"),
        (Answer(403, b"{}"), "failure", "refused"),
        (Answer(404, b"{}"), "failure", "GEMINI_MODEL is not known"),
        (Answer(429, b"{}"), "warning", "no quota"),
        (Answer(500, b"{}"), "warning", "answered 500"),
        (Answer(200, b"<html>"), "failure", "no JSON"),
    ],
)
async def test_gemini_says_what_it_thinks_of_the_key_and_the_model(
    answer: Answer, verdict: str, said: str
) -> None:
    with foreign(lambda path, headers: answer) as server:
        line = await check_gemini(server.url, KEY, "m")

    assert line.verdict == verdict
    assert said in line.found
    ((path, headers),) = server.asked
    assert path == "/v1beta/models/m"
    assert headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize(
    ("urls", "values", "expected"),
    [
        ([], {}, Base("http://127.0.0.1:8000", {}, is_named=False)),
        ([], {"GATEWAY_PORT": "9000"}, Base("http://127.0.0.1:9000", {}, is_named=False)),
        (
            [],
            {"GATEWAY_CERTS": "certs", "GATEWAY_ADDRESS": "10.0.0.1"},
            Base("https://10.0.0.1:8443", {}, is_named=False),
        ),
        (
            [],
            {"OPENAI_BASE_URL": "https://a.b/", "STT_BASE_URL": "http://c.d"},
            Base("https://a.b", {"stt": "http://c.d"}, is_named=True),
        ),
        (
            [],
            {"OPENAI_BASE_URL": "http://gateway:8080", "TTS_BASE_URL": "http://tts:8000"},
            Base("http://127.0.0.1:8000", {}, is_named=False),
        ),
        (["http://x/"], {"OPENAI_BASE_URL": "https://a"}, Base("http://x", {}, is_named=True)),
    ],
)
async def test_the_stack_to_call_is_the_one_that_is_named_or_the_gateways(
    urls: list[str], values: dict[str, str], expected: Base
) -> None:
    assert list(bases(urls, values)) == [expected]


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert http.shown("https://user:pass@a.b:1/c?key=x#y") == "https://a.b:1/c"
    assert http.shown("http://[::1]:8000/") == "http://[::1]:8000"
    assert gateway_url({"GATEWAY_ADDRESS": "::"}) == "http://[::1]:8000"
