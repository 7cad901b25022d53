"""What the admin page shows, made of the board's reports: pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from parley_orchestrator import stages
from parley_orchestrator.board import Failures, MemberReport, Turn
from parley_orchestrator.errors import FailureKind
from parley_orchestrator.llm.transport import APIS, Api
from parley_orchestrator.settings import OrchestratorSettings

_REASONS: Mapping[FailureKind, str] = {
    "connect": "It could not be reached.",
    "timeout": "Nothing useful came in time.",
    "empty": "It answered with nothing.",
    "cut": "Its answer broke off.",
    "malformed": "Its answer could not be read.",
    "rate_limited": "It refused: too many requests, or a quota is used up.",
    "server": "It reported an error of its own.",
    "auth": "It did not accept the key.",
    "refused": "It refused the request as wrong.",
    "blocked": "Its safety filter blocked the answer.",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One model of the chain as it is configured."""

    name: str
    model: str
    api: Api

    @classmethod
    def chain(cls, settings: OrchestratorSettings) -> tuple[Self, ...]:
        return tuple(
            cls(name, settings.llm_config(name).model, APIS[name]) for name in settings.chain
        )


def chain_view(
    members: Sequence[Member], reports: Sequence[MemberReport], failures_to_open: int
) -> list[dict[str, object]]:
    """The chain in order; times are seconds since the epoch."""
    return [
        {
            "name": member.name,
            "model": member.model,
            "api": member.api,
            "state": report.state,
            "failures": report.breaker.failures,
            "failures_to_open": failures_to_open,
            "rests_until": report.breaker.open_until if report.state == "open" else None,
            "last_failure": _failure(report.failures),
            "failed": sum(failures.count for failures in report.failures),
            "served": report.served,
            "served_at": report.served_at,
            "ttft_s": report.ttft_s,
        }
        for member, report in zip(members, reports, strict=True)
    ]


def current(reports: Sequence[MemberReport]) -> int:
    """Who the next turn goes to: the first that does not rest, the last if all do."""
    awake = (place for place, report in enumerate(reports) if report.state != "open")
    return next(awake, len(reports) - 1)


def calls_view(turns: Iterable[Turn]) -> list[dict[str, object]]:
    """The turns by call; calls and their turns in the order in which they came."""
    calls: dict[str, list[dict[str, object]]] = {}
    for turn in turns:
        calls.setdefault(turn.call, []).append(
            {
                "at": turn.at,
                "member": turn.member,
                "stages": {name: turn.stages[name] for name in _known(turn)},
                "total_s": first_audio_s(turn),
            }
        )
    return [{"call": call, "turns": turns_of_it} for call, turns_of_it in calls.items()]


def first_audio_s(turn: Turn) -> float:
    """What the caller waited for the first audio, seconds."""
    known = sum(turn.stages[name] for name in _known(turn))
    return turn.stages.get(stages.FIRST_AUDIO, known)


def _known(turn: Turn) -> list[str]:
    return [name for name in stages.IN_ORDER if name in turn.stages]


def _failure(failures: Sequence[Failures]) -> dict[str, object] | None:
    if not failures:
        return None
    last = failures[0]
    return {"kind": last.kind, "reason": _REASONS[last.kind], "at": last.at}
