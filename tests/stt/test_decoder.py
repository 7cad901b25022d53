"""The decoder process: its limits, and its end when nobody waits for it any more."""

import asyncio
import subprocess
import sys
import time

import pytest

from parley_kit.errors import InvalidRequest
from parley_stt.audio.decoder import Decoder
from tests.serving import wait_until
from tests.stt.breakable import children
from tests.stt.recordings import flac_of_silence, weather_in

HOUR_S = 3_600

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("container", ["mp3", "3gp", "mpeg"])
async def test_the_whole_recording_is_decoded(container: str) -> None:
    audio = await Decoder(max_audio_s=10, max_decode_s=10).decode(weather_in(container))

    assert audio.seconds == pytest.approx(1.868, abs=0.06)
    assert abs(audio.samples).max() > 5_000


async def test_who_is_cancelled_has_the_decoder_killed() -> None:
    before = children()
    bomb = flac_of_silence(HOUR_S)
    decoding = asyncio.create_task(Decoder(10 * HOUR_S, 60).decode(bomb))
    await asyncio.to_thread(wait_until, lambda: children() - before, 5, "the decoder starts")

    started = time.monotonic()
    decoding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await decoding

    assert time.monotonic() - started < 0.5
    wait_until(lambda: children() <= before, 1, "the decoder is gone")


async def test_decoding_has_a_deadline() -> None:
    before = children()

    with pytest.raises(InvalidRequest, match=r"0\.05 s"):
        await Decoder(HOUR_S, max_decode_s=0.05).decode(weather_in("mp3"))

    assert children() <= before


@pytest.mark.parametrize(
    ("limit", "work"),
    [("memory_bytes=256 << 20", "bytearray(1 << 30)"), ("cpu_s=1", "while True: pass")],
)
def test_a_confined_process_stays_inside_its_limits(limit: str, work: str) -> None:
    program = f"from parley_stt.confinement import confine\nconfine({limit})\n{work}"
    confined = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=10, check=False
    )

    assert confined.returncode != 0
