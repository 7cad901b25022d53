"""Who the agent is: read from a Markdown file, one section for each thing that it says."""

import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from parley_kit.errors import SettingsError

_SHIPPED = ("healthcare", "interviewer")
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_REQUIRED = ("greeting", "instructions")
_KNOWN = (*_REQUIRED, "waiting", "sorry", "cut off", "not hearing", "tools")
TOOLS = ("appointments",)

Excuse: TypeAlias = Literal["waiting", "sorry", "cut_off", "not_hearing"]
"""What of a persona is said when something is late or fails."""
EXCUSES: tuple[Excuse, ...] = get_args(Excuse)

_WAITING = ("One moment, please.",)
_SORRY = "I am sorry, I cannot answer that right now. Please ask me again in a moment."
_CUT_OFF = "I am sorry, I lost my thread. Could you ask me that again?"
_NOT_HEARING = "I am sorry, I cannot hear you at the moment. Please wait a little."


@dataclass(frozen=True, slots=True)
class Persona:
    """
    Args:
        waiting: said in turn while an answer takes long; never empty.
        sorry: said in place of an answer.
        cut_off: said after the beginning of one.
        not_hearing: said while speech cannot be transcribed.
        tools: which of `TOOLS` it may use.
    """

    greeting: str
    instructions: str = field(repr=False)
    waiting: tuple[str, ...] = _WAITING
    sorry: str = _SORRY
    cut_off: str = _CUT_OFF
    not_hearing: str = _NOT_HEARING
    tools: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """What is spoken when something is late or fails, and so is synthesised beforehand."""
        return (*self.waiting, self.sorry, self.cut_off, self.not_hearing)


def load_persona(name: str) -> Persona:
    """One that is shipped, by name, or one of your own, by the path of its file.

    Raises:
        SettingsError: there is none, or it cannot be one.
    """
    if name in _SHIPPED:
        shipped = files("parley_orchestrator").joinpath("personas", f"{name}.md")
        return parse_persona(shipped.read_text(encoding="utf-8"), name)
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise SettingsError(
            f"AGENT_PERSONA: {name} is neither {' nor '.join(_SHIPPED)} nor a file to read."
        ) from exc
    return parse_persona(text, name)


def parse_persona(text: str, name: str) -> Persona:
    """
    Raises:
        SettingsError: a section is missing, or is none of ours.
    """
    sections = _sections(text)
    missing = [title for title in _REQUIRED if not sections.get(title)]
    unknown = [title for title in sections if title not in _KNOWN]
    tools = _listed(sections.get("tools", ""))
    if missing:
        raise SettingsError(f"AGENT_PERSONA: {name} has no section '## {missing[0].title()}'.")
    if unknown or not set(tools) <= set(TOOLS):
        what = unknown[0] if unknown else next(tool for tool in tools if tool not in TOOLS)
        raise SettingsError(f"AGENT_PERSONA: {name} names {what!r}, which means nothing here.")
    return Persona(
        greeting=_line(sections["greeting"]),
        instructions=sections["instructions"],
        waiting=_listed(sections.get("waiting", "")) or _WAITING,
        sorry=_line(sections.get("sorry", "")) or _SORRY,
        cut_off=_line(sections.get("cut off", "")) or _CUT_OFF,
        not_hearing=_line(sections.get("not hearing", "")) or _NOT_HEARING,
        tools=tools,
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _sections(text: str) -> dict[str, str]:
    _, *parts = _HEADING.split(text)
    return {
        title.lower(): body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def _listed(text: str) -> tuple[str, ...]:
    lines = (line.strip().removeprefix("-").strip() for line in text.splitlines())
    return tuple(line for line in lines if line)
