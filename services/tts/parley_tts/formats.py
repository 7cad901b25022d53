"""The formats that speech is sent in, and the sample rates that each can have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from parley_kit.errors import InvalidRequest

FormatName = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

SLOWEST_RATE, FASTEST_RATE = 8_000, 48_000
"""The least and the most samples a second that any format can have here."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How PyAV writes a format, with the samples of silence that a decoder finds before it."""

    container: str
    name: str
    bit_rate: int | None = None
    delay: int = 0
    coding: Mapping[str, str] = field(default_factory=dict)
    muxing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Format:
    """One format; without `rates` it can have any."""

    name: FormatName
    media_type: str
    rate: int = 24_000
    rates: tuple[int, ...] = ()
    codec: Codec | None = None
    says_length: bool = False
    """Its header does, where it is known."""
    needs_length: bool = False
    """Common readers refuse it where it is not."""


# MPEG-1, 2 and 2.5 have these between them.
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)

# A Xing header would have to be completed at the end, an ID3 tag confuses joined streams. Without
# that header decoders play what LAME puts first: 576 samples of its own and 529 of theirs. A bit
# reservoir holds back 48 ms more of each chunk, and makes speech no better at this bit rate.
_MP3 = Codec(
    "mp3", "libmp3lame", 64_000, 1_105, {"reservoir": "0"},
    {"write_xing": "0", "id3v2_version": "0"},
)  # fmt: skip
# A page for each packet: what is not in a page that is full has to wait for the next chunk.
_OPUS = Codec("ogg", "libopus", 48_000, muxing={"page_duration": "20000"})
_AAC = Codec("adts", "aac", 64_000, 1_024)
_FLAC = Codec("flac", "flac")

FORMATS: Mapping[FormatName, Format] = MappingProxyType(
    {
        "mp3": Format("mp3", "audio/mpeg", rates=_MPEG_RATES, codec=_MP3),
        "opus": Format("opus", "audio/opus", rate=48_000, rates=_OPUS_RATES, codec=_OPUS),
        "aac": Format("aac", "audio/aac", rates=_MPEG_RATES, codec=_AAC),
        "flac": Format("flac", "audio/flac", codec=_FLAC, says_length=True, needs_length=True),
        "wav": Format("wav", "audio/wav", says_length=True),
        "pcm": Format("pcm", "audio/pcm"),
    }
)


def rate_of(form: Format, wanted: int | None) -> int:
    """The sample rate to encode at.

    Raises:
        InvalidRequest: the format cannot have the rate that is wanted.
    """
    if wanted is None:
        return form.rate
    if form.rates and wanted not in form.rates:
        raise InvalidRequest(
            f"Invalid value for 'sample_rate': {form.name} can have "
            f"{', '.join(map(str, form.rates))}.",
            param="sample_rate",
        )
    return wanted
