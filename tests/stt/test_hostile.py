"""Uploads that name what they should not: nothing is opened, read or called on their behalf."""

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import httpx2
import numpy as np
import pytest

from tests.serving import error_of
from tests.stt.recordings import WEATHER, patched, wav, weather_in

# What hangs would end with the 60 s that decoding may take.
REFUSED_WITHIN_S = 20.0
UDP_PORT = 50_404

SDP = (
    f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {UDP_PORT} RTP/AVP 0\n"
)


class Listener:
    """Somebody whom an upload asks the server to call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                calls.append(self.path)
                self.send_error(404)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever)
    thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()
    thread.join()


def upload(client: httpx2.Client, file: bytes, name: str = "upload") -> httpx2.Response:
    return client.post(
        "/audio/transcriptions", data={"model": "whisper-1"}, files={"file": (name, file)}
    )


def assert_refused(client: httpx2.Client, file: bytes, name: str = "upload") -> None:
    started = time.monotonic()
    response = upload(client, file, name)

    assert response.status_code == 400
    assert "Supported formats" in str(error_of(response)["message"])
    assert time.monotonic() - started < REFUSED_WITHIN_S


def ffconcat(of: object, lines: int = 1) -> bytes:
    return b"ffconcat version 1.0\n" + f"file {of}\n".encode() * lines


def playlists(url: str) -> dict[str, bytes]:
    """Ways to have a server call `url`."""
    m3u8 = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/segment.ts\n#EXT-X-ENDLIST\n"
    master = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\n{url}/variant.m3u8\n"
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1">'
        f"<BaseURL>{url}/dash.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )
    id3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    ogg = weather_in("ogg")
    return {
        "m3u8": m3u8.encode(),
        "m3u8 master": master.encode(),
        "m3u8 after a byte order mark": b"\xef\xbb\xbf" + m3u8.encode(),
        "m3u8 after an ID3 tag": id3 + m3u8.encode(),
        "m3u8 in an Ogg page": ogg[:28] + m3u8.encode() + ogg[28:200],
        "m3u8 in a WAV of no known encoding": wav(m3u8.encode() * 20, tag=0x4D33),
        "dash": dash.encode(),
        "ffconcat of a URL": ffconcat(f"{url}/concat.wav"),
        "pls": f"[playlist]\nFile1={url}/pls.wav\n".encode(),
        "smil": f'<smil><body><audio src="{url}/smil.wav"/></body></smil>'.encode(),
        "svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}/svg"/></svg>'.encode(),
    }


PLAYLISTS = list(playlists("http://127.0.0.1:9"))


def test_ffconcat_does_not_read_a_file_of_the_server(client: httpx2.Client) -> None:
    """FFmpeg would: it takes a path below the working directory for safe."""
    below = os.path.relpath(WEATHER)
    with av.open(io.BytesIO(ffconcat(below))) as container:
        assert container.streams.audio[0].rate

    for path in (below, WEATHER, f"file:{below}", "/proc/self/environ"):
        assert_refused(client, ffconcat(path))


def test_ffconcat_does_not_multiply_a_file_of_the_server(client: httpx2.Client) -> None:
    assert_refused(client, ffconcat(os.path.relpath(WEATHER), lines=1_000))


@contextmanager
def udp_sockets_of(port: int) -> Iterator[list[str]]:
    """Sockets that were open on `port` at some time while the context lasted."""
    seen: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            lines = Path("/proc/net/udp").read_text().splitlines()
            seen.extend(line for line in lines if f":{port:04X} " in line)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def test_sdp_opens_no_socket_and_does_not_hang(client: httpx2.Client) -> None:
    """FFmpeg would listen on UDP for as long as its timeout lets it."""
    with (
        udp_sockets_of(UDP_PORT) as opened,
        suppress(av.error.FFmpegError),
        av.open(io.BytesIO(SDP.encode()), timeout=0.2),
    ):
        pass
    assert opened

    with udp_sockets_of(UDP_PORT) as opened:
        assert_refused(client, SDP.encode())
    assert opened == []


def test_a_playlist_would_have_ffmpeg_call_its_address(listener: Listener) -> None:
    """As a control: this is what the tests below would see."""
    file = io.BytesIO(playlists(listener.url)["m3u8 master"])
    file.name = "upload.m3u8"
    with pytest.raises(av.error.FFmpegError), av.open(file, timeout=2):
        pass

    assert listener.calls == ["/variant.m3u8"]
    listener.calls.clear()


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_has_nobody_called(client: httpx2.Client, listener: Listener, kind: str) -> None:
    file = playlists(listener.url)[kind]
    for name in ("upload", "upload.m3u8", f"{listener.url}/name.wav"):
        assert_refused(client, file, name)

    assert listener.calls == []


@pytest.mark.parametrize(
    "file",
    [
        b"\0",
        b"R",
        b"RIFF",
        b"OggS",
        b"fLaC",
        b"ID3",
        b"<!doctype html><title>404</title>",
        b'<?xml version="1.0"?><a/>',
        b'{"error": {}}',
        b"PK\3\4" + bytes(200),
        b"%PDF-1.7\n" + bytes(200),
        b"\x1f\x8b\x08" + bytes(200),
        b"\x7fELF" + bytes(200),
        b"RIFF\x20\0\0\0AVI LIST" + bytes(200),
    ],
    ids=["one byte", "R", "RIFF", "OggS", "fLaC", "ID3", "html", "xml", "json", "zip", "pdf",
         "gzip", "elf", "avi"],
)  # fmt: skip
def test_what_is_something_else_is_refused(client: httpx2.Client, file: bytes) -> None:
    assert_refused(client, file)


NAN, INF = (np.array([value] * 16_000, "<f4").tobytes() for value in (np.nan, np.inf))


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (wav(NAN, bits=32, tag=3), 200),
        (wav(INF + NAN, channels=2, bits=32, tag=3), 200),
        (wav(bytes(19_200), rate=192_000, bits=8), 200),
        (patched(wav(bytes(32_000)), 40, b"\xff\xff\xff\xff"), 200),
        (patched(wav(bytes(32_000)), 16, b"\xff\xff\xff\x7f"), 400),
        (patched(wav(bytes(32_000)), 32, bytes(2)), 200),
        (wav(bytes(32_000), rate=0), 400),
        (wav(bytes(32_000), rate=0xFFFFFFF), 400),
        (wav(bytes(64_000), channels=32_000), 400),
        (wav(bytes(32_000), bits=0), 400),
    ],
    ids=["not numbers", "infinities", "8 bits at 192 kHz", "4 GB of data", "2 GB of format",
         "no frame size", "0 Hz", "268 MHz", "32000 channels", "0 bits"],
)  # fmt: skip
def test_absurd_wav_headers_are_heard_as_silence_or_refused(
    client: httpx2.Client, file: bytes, status: int
) -> None:
    response = upload(client, file)

    assert response.status_code == status
    assert "text" not in response.json() or response.json()["text"] == ""
