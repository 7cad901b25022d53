"""What a listener notices of how speech arrives: when it begins, and where it stops. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

# Nobody hears less; and the clock of a busy machine is no better.
_UNHEARD_S = 0.005


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a piece of audio came, in seconds of any clock, and how long it plays."""

    at: float
    audio_s: float


@dataclass(frozen=True, slots=True)
class ChunkStart:
    """When one of the engine's chunks began to come, and its last character of the text."""

    at: float
    end: int


@dataclass(frozen=True, slots=True)
class Heard:
    """One speech as its caller received it, in seconds of one clock."""

    asked: float
    arrivals: Sequence[Arrival]
    ended: float
    chunks: Sequence[ChunkStart] = ()
    """Empty if the caller was not told."""

    @property
    def first_s(self) -> float:
        return self.arrivals[0].at - self.asked

    @property
    def whole_s(self) -> float:
        return self.ended - self.asked

    @property
    def audio_s(self) -> float:
        return sum(arrival.audio_s for arrival in self.arrivals)


def gaps(arrivals: Sequence[Arrival]) -> list[float]:
    """The silences of a player that starts with the first piece and plays in real time."""
    found, plays_until = [], arrivals[0].at
    for arrival in arrivals:
        silence = arrival.at - plays_until
        if silence > _UNHEARD_S:
            found.append(silence)
        plays_until = max(plays_until, arrival.at) + arrival.audio_s
    return found


def overtaken(callers: Sequence[Heard], chunk: int = 3) -> int:
    """How many callers got their first audio after another one's third chunk."""
    thirds = [heard.chunks[chunk - 1].at for heard in callers if len(heard.chunks) >= chunk]
    return sum(heard.arrivals[0].at > min(thirds, default=float("inf")) for heard in callers)
