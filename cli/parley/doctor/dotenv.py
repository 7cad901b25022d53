"""Reads an .env file as Docker Compose does: quotes, comments, `export`, `:`, interpolation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from parley.doctor.interpolation import Interpolated, Lookup, WrongTemplate, interpolate

_BLANKS = "\t\v\f\r \x85\xa0"
_EXPORT = re.compile(r"export\s+")
_NAME_END = re.compile(r"[=:\n]|\Z")
_ESCAPE = re.compile(r"\\(?:[abcfnrtv$\"\\]|0\d{0,3})")
_QUOTED = {quote: re.compile(rf"{quote}(?:[^\\{quote}]|\\.)*{quote}", re.DOTALL) for quote in "'\""}
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment.

    Args:
        line: where it begins, from 1.
        has_gap: whether it refers to a variable that is not set.
    """

    name: str
    value: str
    line: int
    has_gap: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What Compose refuses, or takes otherwise than it looks; never quotes the file."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file holds, in its order; a name that is there twice has its last value."""

    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def values(self) -> Mapping[str, str]:
        return {entry.name: entry.value for entry in self.entries}


def parse(text: str, shell: Mapping[str, str]) -> EnvFile:
    """
    Args:
        shell: what is exported where Compose is run, which wins in an interpolation.
    """
    reader = _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n"), shell)
    while reader.seek_statement():
        reader.read_statement()
    return EnvFile(tuple(reader.entries), tuple(reader.faults))


class _WrongStatement(Exception):
    """Reading goes on in the next line."""


class _Reader:
    def __init__(self, text: str, shell: Mapping[str, str]) -> None:
        self._text = text
        self._shell = shell
        self._at = 0
        self._so_far: dict[str, str] = {}
        self.entries: list[Entry] = []
        self.faults: list[Fault] = []

    def seek_statement(self) -> bool:
        """Go past blank lines and comments; False at the end."""
        while self._at < len(self._text):
            if self._text[self._at] == "#":
                self._skip_line()
            elif self._text[self._at].isspace():
                self._at += 1
            else:
                return True
        return False

    def read_statement(self) -> None:
        line = self._line
        try:
            self._read_assignment(line)
        except (_WrongStatement, WrongTemplate) as exc:
            self.faults.append(Fault(line, str(exc)))

    @property
    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end + 1

    def _read_assignment(self, line: int) -> None:
        name, ends_with = self._read_name()
        if ends_with not in ("=", ":"):
            self._inherit(name, line)
            return
        read = self._read_value()
        self._add(Entry(name, read.value, line, read.has_gap))

    def _read_name(self) -> tuple[str, str]:
        export = _EXPORT.match(self._text, self._at)
        start = export.end() if export else self._at
        end = _NAME_END.search(self._text, start)
        assert end is not None  # the end of the text is one
        name = self._text[start : end.start()].strip()
        if not name or not all(c.isalnum() or c in "_.-[]" for c in name):
            self._skip_line()
            raise _WrongStatement("no name and = at its start")
        self._at = end.end()
        return name, end[0]

    def _inherit(self, name: str, line: int) -> None:
        self.faults.append(Fault(line, "a name without =, which takes its value from the shell"))
        if name in self._shell:
            self._add(Entry(name, self._shell[name], line))

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._so_far[entry.name] = entry.value

    def _read_value(self) -> Interpolated:
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1
        quote = self._text[self._at : self._at + 1]
        if quote == "'":
            return Interpolated(self._read_quoted(quote))
        if quote == '"':
            return interpolate(unescaped(self._read_quoted(quote)), self._lookup)
        start = self._at
        self._skip_line()
        value = self._text[start : self._at].removesuffix("\n").split(" #", 1)[0]
        return interpolate(value.rstrip(), self._lookup)

    def _read_quoted(self, quote: str) -> str:
        """What is between the quotes; a backslash before the quote is gone, others stay."""
        end = _QUOTED[quote].match(self._text, self._at)
        if not end:
            self._skip_line()
            raise _WrongStatement("a quote that is not closed")
        self._at = end.end()
        return end[0][1:-1].replace(f"\\{quote}", quote)

    @property
    def _lookup(self) -> Lookup:
        return lambda name: self._shell.get(name, self._so_far.get(name))


def unescaped(text: str) -> str:
    """Escape sequences as double quotes have them; a `$` that is escaped stays one."""
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    kind = escape[0][1]
    if kind == "$":
        return "$$"
    if kind == "0":
        digits = escape[0][2:]
        return chr(int(digits, 8)) if _is_octal_byte(digits) else f"\\{digits}"
    if kind == "c":
        return escape[0]
    return _ESCAPED.get(kind, kind)


def _is_octal_byte(digits: str) -> bool:
    return len(digits) == 3 and all(d in "01234567" for d in digits) and int(digits, 8) < 256
