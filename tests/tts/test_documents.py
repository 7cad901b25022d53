"""What the service's documents say is so."""

import re
from pathlib import Path

import pytest

from parley_tts.app import create_app
from parley_tts.formats import FORMATS, Format
from parley_tts.settings import TtsSettings
from parley_tts.wire import HARMLESS, SpeechRequest
from tests.serving import serve

ROOT = Path(__file__).parents[2]
README = (ROOT / "services/tts/README.md").read_text(encoding="utf-8")
EXTENSIONS = (ROOT / "docs/speech.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SpeechRequest.model_fields)
def test_each_field_has_a_row(name: str) -> None:
    assert re.search(rf"^\| [^|]*`{name}[`:]", README, re.MULTILINE)


def test_a_field_that_nobody_reads_is_said_to_be_one() -> None:
    assert all(f"| `{name}` | read by no one" in README for name in HARMLESS)


@pytest.mark.parametrize("form", FORMATS.values(), ids=str)
def test_each_format_has_a_row_with_what_it_is(form: Format) -> None:
    codec = form.codec
    bit_rate = f"{codec.bit_rate // 1000} kbit/s " if codec and codec.bit_rate else ""
    delay = f"{codec.delay} samples" if codec and codec.delay else "0"

    row = f"| `{form.name}` | {form.media_type} | {form.rate} | {bit_rate}| {delay} |"
    assert row in README


@pytest.mark.parametrize("document", [README, EXTENSIONS], ids=["README", "speech.md"])
def test_the_example_in_python_runs(
    document: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert example is not None
    monkeypatch.chdir(tmp_path)
    with serve(create_app(TtsSettings(allow_anonymous=True, engine="flite"))) as url:
        code = example[1].replace("http://127.0.0.1:8000", url)
        exec(compile(code, "example", "exec"), {})

    if document is EXTENSIONS:
        assert "'word': 'Smith'" in capsys.readouterr().out
        assert (tmp_path / "hello.mp3").stat().st_size > 4_000
