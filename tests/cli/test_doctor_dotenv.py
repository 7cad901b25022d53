"""An `.env` is read as Docker Compose reads it, but for what nobody writes in one."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.doctor.dotenv import parse

SHELL = {"SH": "shell"}

# Each with what it sets; None: Compose refuses the whole file.
FILES: list[tuple[str, Mapping[str, str] | None]] = [
    ("A=1", {"A": "1"}),
    ("A = 1", {"A": "1"}),
    (" A=1", {"A": "1"}),
    ("A=\tx", {"A": "x"}),
    ("A=", {"A": ""}),
    ('A=""', {"A": ""}),
    ("A=x y  z ", {"A": "x y  z"}),
    ("A=1 # comment", {"A": "1"}),
    ("A=1#no comment", {"A": "1#no comment"}),
    ("A=# no comment", {"A": "# no comment"}),
    ("#A=0\n\nA=1\n", {"A": "1"}),
    ('A="x # y" # comment', {"A": "x # y"}),
    ("A='x $SH'", {"A": "x $SH"}),
    ("A='it\\'s'", {"A": "it's"}),
    ("A='a\nb'", {"A": "a\nb"}),
    ('A="a\nb"', {"A": "a\nb"}),
    ('A="x\\ny"', {"A": "x\ny"}),
    ('A="q\\"q"', {"A": 'q"q'}),
    ('A="a\\\\b"', {"A": "a\\b"}),
    ('A="\\q\\c"', {"A": "\\q\\c"}),
    ('A="\\$x"', {"A": "$x"}),
    ("A=a\\nb", {"A": "a\\nb"}),
    ("export A=1", {"A": "1"}),
    ('export  A = "1"', {"A": "1"}),
    ("exportA=1", {"exportA": "1"}),
    ("A.B-C=1", {"A.B-C": "1"}),
    ("\ufeffA=1", {"A": "1"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("A=1\nA=2", {"A": "2"}),
    ("B=2\nA=${B}x$B", {"B": "2", "A": "2x2"}),
    ("SH=file\nA=$SH", {"SH": "file", "A": "shell"}),
    ("A=${NO:-a}b}", {"A": "ab}"}),
    ("A=${NO-d}", {"A": "d"}),
    ("B=\nA=${B:-d}", {"B": "", "A": "d"}),
    ("B=\nA=${B-d}", {"B": "", "A": ""}),
    ("A=${NO:+d}", {"A": ""}),
    ("A=${SH:+d}", {"A": "d"}),
    ("A=${SH:?must}", {"A": "shell"}),
    ("A=$NO", {"A": ""}),
    ("A=$$x", {"A": "$x"}),
    ("A=a$%b$1$", {"A": "a$%b$1$"}),
    ("SH\nA=1", {"SH": "shell", "A": "1"}),
    ("A=${B", None),
    ("A=${1}", None),
    ("A=${NO:?must}", None),
    ('A="x', None),
    ("A B=1", None),
]


@pytest.mark.parametrize(("text", "values"), FILES)
def test_a_file_sets_what_compose_would_set(text: str, values: Mapping[str, str] | None) -> None:
    file = parse(text, SHELL)

    if values is None:
        assert file.faults
    else:
        assert file.values == values


@pytest.mark.skipif(
    not shutil.which("docker")
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    != 0,
    reason="needs Docker Compose",
)
def test_compose_itself_says_the_same(tmp_path: Path) -> None:
    readable = [(text, values) for text, values in FILES if values is not None]
    services = {}
    for i, (text, _) in enumerate(readable):
        (tmp_path / f"{i}.env").write_text(text, encoding="utf-8", newline="")
        services[f"s{i}"] = {"image": "x", "env_file": f"{i}.env"}
    (tmp_path / "compose.json").write_text(json.dumps({"services": services}), encoding="utf-8")

    told = subprocess.run(
        ["docker", "compose", "-f", "compose.json", "config", "--format", "json"],
        cwd=tmp_path,
        env={**os.environ, **SHELL},
        capture_output=True,
        check=True,
        timeout=60,
    )

    config = json.loads(told.stdout)["services"]
    for i, (text, values) in enumerate(readable):
        said = config[f"s{i}"]["environment"]
        assert {name: value.replace("$$", "$") for name, value in said.items()} == values, text


names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def unbroken(text: str) -> str:
    return text.replace("\r\n", "\n")


@settings(max_examples=40)
@given(names, texts)
def test_whatever_is_in_single_quotes_comes_back(name: str, value: str) -> None:
    value = unbroken(value).rstrip("\\").replace("\\'", "'")
    quoted = value.replace("'", "\\'") if "\\" not in value else value.replace("'", "")
    expected = value if "\\" not in value else value.replace("'", "")

    assert parse(f"{name}='{quoted}'", {}).values == {name: expected}


@settings(max_examples=40)
@given(names, texts)
def test_whatever_is_escaped_in_double_quotes_comes_back(name: str, value: str) -> None:
    value = unbroken(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")

    assert parse(f'{name}="{escaped}"', {}).values == {name: value}


@settings(max_examples=40)
@given(st.dictionaries(names, st.from_regex(r"[A-Za-z0-9_.,:/=+-]*", fullmatch=True)))
def test_plain_values_come_back_in_their_lines(values: dict[str, str]) -> None:
    file = parse("".join(f"{name}={value}\n" for name, value in values.items()), {})

    assert file.values == values
    assert [entry.line for entry in file.entries] == list(range(1, len(values) + 1))
    assert not file.faults


@settings(max_examples=40)
@given(st.text(st.sampled_from("AB= \n#'\"$\\{}:-?xé\ufeff\r"), max_size=60))
def test_any_text_is_read_to_its_end_without_an_exception(text: str) -> None:
    file = parse(text, {})

    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= entry.line <= lines for entry in file.entries)
    assert all(1 <= fault.line <= lines for fault in file.faults)


@settings(max_examples=40)
@given(st.from_regex(r"[A-Za-z0-9]{12}", fullmatch=True))
def test_a_fault_never_quotes_the_file(secret: str) -> None:
    for broken in (f'A="{secret}', f"{secret} B=1", f"A=${{{secret}", f"{secret}"):
        assert all(secret not in fault.what for fault in parse(broken, {}).faults)


def test_a_variable_that_is_not_set_leaves_a_gap_that_is_told() -> None:
    entries = parse("A=pa$word\nB='pa$word'\nC=${D:-}", {}).entries

    assert [entry.has_gap for entry in entries] == [True, False, False]
