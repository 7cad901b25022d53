"""Decoding with pocketsphinx: an utterance at once, or while it is being spoken.

The decoder subtracts the mean of the cepstra, which carries loudness, voice and microphone, and
hears badly when that mean is wrong. Of a whole utterance it computes the mean itself. In pieces
it takes whatever it is given; so an utterance that is being spoken is decoded from its beginning
again, with the mean of what has been heard by then, each time that twice as much has been heard.
Decoding takes an eighth of the time that speaking took: starting over is soon made up for.
"""

from typing import Any

from pocketsphinx import Decoder

from parley_stt.audio import SAMPLE_RATE
from parley_stt.engines.pocketsphinx_protocol import Heard

_BYTES_PER_S = 2 * SAMPLE_RATE
# Both: less time for the same words on the recordings of the tests. Half of it, where the default
# is 30000; and a fifth of the last pass, which is what is waited for when an utterance ends.
_MAX_ACTIVE_HMMS = 5000
_START_WINDOW_FRAMES = 10
_MIN_BYTES = _BYTES_PER_S // 10
_FRAME_S = 0.01
# Before 0.6 s there is hardly a word to be heard. The mean of 2.4 s is as good as that of the whole
# utterance, and to start over later would make who waits for the end of a long one wait longer.
_ESTIMATES = tuple(int(seconds * _BYTES_PER_S) for seconds in (0.6, 1.2, 2.4))
# Utterances up to this length are decoded again when they are over: that takes 0.3 s at most.
_SHORT_BYTES = int(2.2 * _BYTES_PER_S)


def decoder() -> Any:
    """The decoder of all utterances."""
    return Decoder(
        samprate=SAMPLE_RATE,
        loglevel="FATAL",
        maxhmmpf=_MAX_ACTIVE_HMMS,
        fwdflatsfwin=_START_WINDOW_FRAMES,
    )


def words(decoder: Any, pcm: bytes) -> list[Heard]:
    """What is said in one utterance; the same samples always give the same words."""
    if len(pcm) < _MIN_BYTES:
        return []
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    return _decoded(decoder) if _is_sound(decoder.get_cmn()) else []


class CepstralMean:
    """Measures the mean of the cepstra with a decoder that looks for nothing but silence.

    That costs a fifteenth of looking for words.
    """

    def __init__(self) -> None:
        self._decoder: Any = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", lm=None, dict=None)
        silence = self._decoder.create_fsg("silence", 0, 1, [(0, 1, 1.0, "<sil>")])
        self._decoder.add_fsg("silence", silence)
        self._decoder.activate_search("silence")

    def of(self, pcm: bytes | bytearray) -> str | None:
        """As the decoder takes it; None for digital silence."""
        self._decoder.start_utt()
        self._decoder.process_raw(bytes(pcm), no_search=True, full_utt=True)
        self._decoder.end_utt()
        mean: str = self._decoder.get_cmn()
        return mean if _is_sound(mean) else None


class SpokenUtterance:
    """An utterance that is decoded while it is being spoken; the decoder has only one at a time."""

    def __init__(self, decoder: Any, mean: CepstralMean) -> None:
        self._decoder = decoder
        self._mean = mean
        self._heard = bytearray()
        self._estimates = list(_ESTIMATES)
        self._decoding = False

    def more(self, pcm: bytes) -> None:
        if not pcm:  # which the decoder does not take
            return
        self._heard += pcm
        due = [size for size in self._estimates if size <= len(self._heard)]
        if due:
            self._estimates = self._estimates[len(due) :]
            self._start_over(due[-1])
        elif self._decoding:
            self._decoder.process_raw(pcm)

    def interim(self) -> str:
        """The transcript so far."""
        hypothesis = self._decoder.hyp() if self._decoding else None
        return hypothesis.hypstr if hypothesis else ""

    def final(self) -> list[Heard]:
        """All words; nothing more may be asked after this."""
        decoded = self._decoding
        self.stop()
        if decoded and len(self._heard) > _SHORT_BYTES:
            return _decoded(self._decoder)
        return words(self._decoder, bytes(self._heard))

    def stop(self) -> None:
        """Leave the decoder to the next utterance."""
        if self._decoding:
            self._decoder.end_utt()
            self._decoding = False

    def _start_over(self, size: int) -> None:
        """Decode anew with the mean of the first bytes: how they arrived makes no difference."""
        self.stop()
        mean = self._mean.of(self._heard[:size])
        if mean is None:
            return
        self._decoder.reinit_feat()
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        self._decoding = True
        self._decoder.process_raw(bytes(self._heard))


def _is_sound(mean: str) -> bool:
    """Frames without any energy do not count; the mean of none is no number."""
    return "nan" not in mean


def _decoded(decoder: Any) -> list[Heard]:
    if decoder.hyp() is None:
        return []
    return [
        (
            # The dictionary numbers pronunciations: "read(2)".
            segment.word.partition("(")[0],
            round(segment.start_frame * _FRAME_S, 2),
            round((segment.end_frame + 1) * _FRAME_S, 2),
            min(1.0, segment.prob),
        )
        for segment in decoder.seg()
        if segment.word[0] not in "<["  # silence, noise and the ends of the sentence
    ]
