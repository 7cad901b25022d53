"""The decoder process: its limits, and its end when nobody waits for it any more."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_kit.errors import InvalidRequest, Overloaded
from parley_stt.audio.containers import OutOfRange, TooLarge, TooLong, decode
from parley_stt.audio.decoder import Decoder
from tests.serving import wait_until
from tests.stt.breakable import children, is_gone
from tests.stt.recordings import CONTAINERS, flac_of_silence, wav, weather_in

HOUR_S = 3_600

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("container", ["mp3", "3gp", "mpeg"])
async def test_the_whole_recording_is_decoded(container: str) -> None:
    async with Decoder(max_audio_s=10, max_decode_s=10) as decoder:
        audio = await decoder.decode(weather_in(container))

    assert audio.seconds == pytest.approx(1.868, abs=0.06)
    assert abs(audio.samples).max() > 5_000


async def test_who_is_cancelled_has_the_decoder_killed() -> None:
    before = children()
    bomb = flac_of_silence(HOUR_S)
    async with Decoder(10 * HOUR_S, 60) as decoder:
        decoding = asyncio.create_task(decoder.decode(bomb))
        await asyncio.to_thread(wait_until, lambda: children() - before, 5, "the decoder starts")

        started = time.monotonic()
        decoding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await decoding
        assert time.monotonic() - started < 0.5

    wait_until(lambda: children() <= before, 1, "the decoder is gone")


@given(
    container=st.sampled_from(sorted(CONTAINERS)),
    damage=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=30),
)
def test_damage_is_undecodable_or_passed_over_and_never_a_fault(
    container: str, damage: list[tuple[int, int]]
) -> None:
    file = bytearray(weather_in(container))
    for position, value in damage:
        file[position % len(file)] = value
    # Any other exception would be a 500 for what is the caller's mistake.
    with suppress(av.error.FFmpegError, ValueError, TooLong, TooLarge, OutOfRange):
        assert sum(map(len, decode(BytesIO(file), 10))) <= 10 * 32_000


@pytest.mark.parametrize("seed", range(8))
async def test_mutants_of_every_container_are_heard_or_refused(seed: int) -> None:
    """Through the sealed process: what it could not do any more would be a fault of ours."""
    mutate = random.Random(seed)
    async with Decoder(max_audio_s=10, max_decode_s=10) as decoder:
        for container in mutate.sample(sorted(CONTAINERS), 4):
            file = bytearray(weather_in(container))
            for _ in range(mutate.choice([1, 10, 100])):
                reach = mutate.choice([64, 1_024, len(file)])
                file[mutate.randrange(min(reach, len(file)))] = mutate.randrange(256)
            with suppress(InvalidRequest):
                assert (await decoder.decode(bytes(file))).seconds <= 10


async def test_the_next_process_is_started_before_it_is_needed() -> None:
    before = children()
    async with Decoder(max_audio_s=10, max_decode_s=10) as decoder:
        await decoder.decode(weather_in("mp3"))
        await asyncio.to_thread(wait_until, lambda: children() - before, 5, "a spare waits")
        (spare,) = children() - before
        await decoder.decode(weather_in("mp3"))

        assert is_gone(spare)
    wait_until(lambda: children() <= before, 1, "the next spare is gone too")


async def test_a_spare_that_died_is_passed_over() -> None:
    before = children()
    async with Decoder(max_audio_s=10, max_decode_s=10) as decoder:
        await decoder.decode(weather_in("mp3"))
        await asyncio.to_thread(wait_until, lambda: children() - before, 5, "a spare waits")
        (spare,) = children() - before
        os.kill(spare, signal.SIGKILL)
        await asyncio.to_thread(wait_until, lambda: spare not in children(), 5, "it is dead")

        assert (await decoder.decode(weather_in("mp3"))).seconds > 1.8


async def test_no_more_processes_are_at_work_than_allowed() -> None:
    before = children()
    most = 0
    async with Decoder(10 * HOUR_S, 60, parallel=2) as decoder:
        decoding = [asyncio.create_task(decoder.decode(flac_of_silence(100))) for _ in range(4)]
        while not all(task.done() for task in decoding):
            most = max(most, len(children() - before))
            await asyncio.sleep(0.01)

        assert [(await task).seconds for task in decoding] == [100] * 4
    assert 2 <= most <= 3  # and a spare


async def test_who_waits_too_long_for_a_place_is_told_to_come_back() -> None:
    async with Decoder(10 * HOUR_S, max_decode_s=0.3, parallel=1) as decoder:
        decoding = [decoder.decode(flac_of_silence(HOUR_S)) for _ in range(3)]
        refusals = await asyncio.gather(*decoding, return_exceptions=True)

    assert {type(refusal) for refusal in refusals} == {InvalidRequest, Overloaded}


async def test_a_long_wav_does_not_keep_a_short_one_waiting() -> None:
    """Blocks of both take turns, even in one thread."""
    long, short = (wav(bytes(48_000 * 2 * seconds), 48_000) for seconds in (250, 3))
    async with Decoder(HOUR_S, max_decode_s=10, parallel=1) as decoder:
        slow = asyncio.create_task(decoder.decode(long))
        await asyncio.sleep(0)

        assert (await decoder.decode(short)).seconds == pytest.approx(3, abs=0.01)
        assert not slow.done()
        assert (await slow).seconds == pytest.approx(250, abs=0.01)


def test_a_codec_that_nobody_knows_is_undecodable() -> None:
    file = weather_in("caf").replace(b"lpcm", b"xxxx")

    with pytest.raises(ValueError, match="no audio"):
        list(decode(BytesIO(file), 10))


async def test_decoding_has_a_deadline() -> None:
    before = children()

    async with Decoder(HOUR_S, max_decode_s=0.05) as decoder:
        with pytest.raises(InvalidRequest, match=r"0\.05 s"):
            await decoder.decode(weather_in("mp3"))

    assert children() <= before


@pytest.mark.parametrize(
    ("limit", "work"),
    [
        ("bound_memory(64 << 20)", "bytearray(128 << 20)"),
        ("confine(cpu_s=1)", "while True: pass"),
        ("seal()", "open('/dev/null')"),
        ("seal()", "socket.socket()"),
        ("seal()", "os.pipe()"),
        ("seal()", "sys.stdout.write('x')"),
    ],
)
def test_a_confined_process_stays_inside_its_limits(limit: str, work: str, tmp_path: Path) -> None:
    program = f"from parley_kit.confinement import *\nimport os, socket, sys\n{limit}\n{work}"
    with open(tmp_path / "written", "wb") as written:
        confined = subprocess.run(
            [sys.executable, "-c", program],
            stdout=written, stderr=subprocess.DEVNULL, timeout=10, check=False,
        )  # fmt: skip

    assert confined.returncode != 0
    assert (tmp_path / "written").read_bytes() == b""
