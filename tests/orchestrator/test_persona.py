"""Personas are files; one that cannot work is refused in a sentence."""

from pathlib import Path

import pytest

from parley_kit.errors import SettingsError
from parley_orchestrator.persona import load_persona, parse_persona

LEAST = "## Greeting\nHello,\nyou.\n\n## Instructions\nBe kind.\n\n- And brief.\n"


@pytest.mark.parametrize("name", ["healthcare", "interviewer"])
def test_a_persona_is_shipped(name: str) -> None:
    persona = load_persona(name)

    assert persona.greeting
    assert persona.instructions
    assert len(persona.waiting) > 1


def test_the_healthcare_assistant_books_appointments_and_the_interviewer_does_not() -> None:
    assert load_persona("healthcare").tools == ("appointments",)
    assert load_persona("interviewer").tools == ()


def test_a_file_of_ones_own_needs_a_greeting_and_instructions(tmp_path: Path) -> None:
    file = tmp_path / "mine.md"
    file.write_text(LEAST)
    persona = load_persona(str(file))

    assert persona.greeting == "Hello, you."
    assert persona.instructions == "Be kind.\n\n- And brief."
    assert all(persona.phrases)


def test_what_is_said_when_something_is_late_or_fails_can_be_chosen() -> None:
    persona = parse_persona(LEAST + "## Waiting\n- Hm.\n- Well.\n\n## Cut off\nOh.\n", "mine")

    assert persona.waiting == ("Hm.", "Well.")
    assert persona.cut_off == "Oh."


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no section '## Greeting'"),
        ("## Greeting\nHello.\n", "has no section '## Instructions'"),
        (LEAST + "## Goodbye\nBye.\n", "names 'goodbye', which means nothing"),
        (LEAST + "## Tools\n- rockets\n", "names 'rockets', which means nothing"),
    ],
)
def test_one_that_cannot_work_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_persona(text, "mine")


def test_one_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match="AGENT_PERSONA: dentist is neither healthcare nor"):
        load_persona("dentist")
