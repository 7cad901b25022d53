"""`parley bench stt`: the faster-whisper engine, realtime sessions and hostile uploads."""

from collections.abc import Callable

from parley.bench import hostile, stt_realtime, stt_whisper
from parley.bench.figures import Report
from parley.bench.served import served
from parley.bench.sound import speech, wav

_SHORT_S = 2.0


def measure(step: Callable[[str], None]) -> Report:
    report = Report("stt")
    stt_whisper.measure(report, step)
    stt_realtime.measure(report, step)
    with served("stt", {"engine": "pocketsphinx"}) as service:
        hostile.measure(report, service, wav(speech(_SHORT_S)), step)
    return report
