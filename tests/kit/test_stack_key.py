"""The key with which a service calls the others of its stack."""

import os
from pathlib import Path

import pytest

from parley_kit.errors import SettingsError
from parley_kit.key_file import KeyFile
from parley_kit.settings import ServiceSettings, load
from parley_kit.stack_key import stack_key
from tests.serving import wait_until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("# in use\nfrom-the-file\nolder\n")
    return path


@pytest.mark.parametrize(
    ("given", "listed", "key"),
    [
        ("given, older", "listed", "given"),
        ("", "listed, older", "listed"),
        ("", "", "from-the-file"),
        ("", " , ", "from-the-file"),
    ],
)
def test_it_is_the_first_of_what_is_set(given: str, listed: str, key: str, file: Path) -> None:
    settings = load(ServiceSettings, openai_api_key=given, api_keys=listed, api_keys_file=file)

    assert stack_key(settings)() == key


def test_without_any_key_there_is_none() -> None:
    assert stack_key(load(ServiceSettings, openai_api_key="", api_keys=""))() == ""


def test_a_key_that_is_replaced_in_the_file_is_used_without_a_restart(file: Path) -> None:
    key = stack_key(load(ServiceSettings, openai_api_key="", api_keys="", api_keys_file=file))
    assert key() == "from-the-file"

    file.write_text("new\nfrom-the-file\n")

    wait_until(lambda: key() == "new", 5, "the file is read again")


def test_a_file_that_cannot_be_read_at_the_start_is_one_sentence(tmp_path: Path) -> None:
    settings = load(ServiceSettings, openai_api_key="", api_keys="", api_keys_file=tmp_path / "no")

    with pytest.raises(SettingsError, match=r"^API_KEYS_FILE: cannot read .*/no: No such file"):
        stack_key(settings)


def test_a_file_that_becomes_unreadable_keeps_its_keys_and_says_so_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    keys = KeyFile(file, lambda: now[0])
    file.write_bytes(b"\xff\xfe")
    os.utime(file, ns=(1, 1))

    for _ in range(3):
        now[0] += 2
        assert keys.keys == ("from-the-file", "older")

    assert [record.message for record in caplog.records] == [
        "API_KEYS_FILE cannot be read; its keys stay"
    ]
