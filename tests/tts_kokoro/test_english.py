"""What both readers of English make of words that are not English."""

import pytest

from parley_tts.engines.kokoro.g2p import english
from parley_tts.traced import Traced


@pytest.mark.usefixtures("spacy_model")
@pytest.mark.parametrize("british", [False, True])
@pytest.mark.parametrize("reader", [english.MisakiReader, english.espeak_reader])
def test_names_of_languages_are_not_spoken(reader: type, british: bool) -> None:
    """espeak-ng switches to Hindi, and says so between its phonemes."""
    phrase = reader(british=british)(Traced.of("नमस्ते friend"))

    assert "(" not in phrase.phonemes
    assert phrase.phonemes.split()[-1] == "fɹˈɛnd"
    assert phrase.phonemes.split()[0].startswith("nəmˈʌst")
