"""Words of phonemes beside words of text; phrases that are cut and joined."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.engines.kokoro.alignment import aligned
from parley_tts.engines.kokoro.g2p.plain import PlainReader
from parley_tts.engines.kokoro.phrases import KokoroPhrase, Spoken, pieces, together
from parley_tts.traced import Traced

lengths = st.lists(st.floats(0.5, 30), min_size=1, max_size=40)
letters = st.text("abc 1,.", max_size=60)


def spelled(text: str) -> str:
    """A G2P that says each digit as a word of its own, and "of the" as one."""
    return " ".join(text.replace("1", " wən ").replace("of the", "əvðə").split())


@given(lengths, lengths)
def test_all_are_aligned_in_order_and_none_is_invented(
    texts: list[float], sounds: list[float]
) -> None:
    firsts = aligned(texts, sounds)

    assert len(firsts) == len(sounds)
    assert firsts[0] == 0
    assert firsts == sorted(firsts)
    assert firsts[-1] < len(texts)


@given(lengths)
def test_as_many_words_as_sounds_are_one_to_one(both: list[float]) -> None:
    assert aligned(both, both[::-1]) == list(range(len(both)))


def test_a_number_is_said_in_several_words_and_small_words_in_one() -> None:
    assert aligned([5, 8, 4], [5, 7, 5, 4]) == [0, 1, 1, 2]
    assert aligned([5, 2, 3, 7], [5, 5, 7]) == [0, 1, 3]


@pytest.mark.parametrize(("names", "numbers"), [(20, 60), (150, 150), (250, 40)])
def test_each_word_keeps_its_place_in_a_long_text(names: int, numbers: int) -> None:
    """What is said in more words comes last: nothing lies at its place in proportion."""
    firsts = aligned([5.0] * names + [8.0] * numbers, [5.0] * names + [5.0, 3.0] * numbers)

    assert firsts == [*range(names), *(names + half // 2 for half in range(2 * numbers))]


@given(st.integers(1, 100), st.integers(1, 100))
def test_any_number_of_words_can_be_said_by_any_number(texts: int, sounds: int) -> None:
    firsts = aligned([3.0] * texts, [3.0] * sounds)

    assert len(firsts) == sounds
    assert firsts == sorted(firsts)
    assert firsts[-1] < texts


@pytest.mark.parametrize(("texts", "sounds"), [(666, 1332), (1332, 666)])
def test_ten_times_the_words_take_about_ten_times_as_long(texts: int, sounds: int) -> None:
    def seconds(part: float) -> float:
        words, said = [8.0, 2.0] * round(texts * part / 2), [5.0, 3.0] * round(sounds * part / 2)
        started = time.thread_time()
        aligned(words, said)
        return time.thread_time() - started

    assert min(seconds(1) for _ in range(3)) < 20 * min(seconds(0.1) for _ in range(3))


def test_numbers_of_2000_characters_are_read_in_about_ten_times_the_time_of_200() -> None:
    reader = PlainReader(lambda text: text.replace("25", "twɛnti fIv"))

    def seconds(chars: int) -> float:
        text = Traced.of(("25 " * 700)[:chars])
        started = time.thread_time()
        reader(text)
        return time.thread_time() - started

    assert min(seconds(2000) for _ in range(3)) < 20 * min(seconds(200) for _ in range(3))


@given(letters)
def test_what_says_a_word_stands_where_the_word_begins(text: str) -> None:
    phrase = PlainReader(spelled)(Traced.of(text))

    ends = [0, *(word.end for word in phrase.spoken)]
    assert all(word.start >= end for word, end in zip(phrase.spoken, ends, strict=False))
    assert all(phrase.text.text[word.at].isalnum() or "," for word in phrase.spoken)
    assert bool(phrase.spoken) == any(char.isalnum() for char in text)


@pytest.mark.parametrize(
    ("text", "phonemes", "words"),
    [
        ("one of the 1, [Kokoro](/kO/)!", "one əvðə wən , kO !", "one of 1 Kokoro"),
        ("see [this](http://x.y)", "see this", "see this"),
    ],
)
def test_markup_says_how_a_word_is_pronounced(text: str, phonemes: str, words: str) -> None:
    phrase = PlainReader(spelled)(Traced.of(text))

    assert phrase.phonemes.replace(" ", "") == phonemes.replace(" ", "")
    starts = dict.fromkeys(
        phrase.text.text[word.at :].split()[0].strip(",!") for word in phrase.spoken
    )
    assert " ".join(starts) == words


@given(
    st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=20), st.integers(3, 20)
)
def test_pieces_lose_nothing_and_are_no_longer_than_allowed(words: list[str], most: int) -> None:
    text = " ".join(words)
    starts = [text.index(words[0])]
    for word in words[:-1]:
        starts.append(starts[-1] + len(word) + 1)
    spoken = (Spoken(at, at, at + len(word)) for at, word in zip(starts, words, strict=True))
    parts = list(pieces(KokoroPhrase(Traced.of(text), text, tuple(spoken)), most))

    assert all(part.size <= most for part in parts)
    assert "".join(part.phonemes for part in parts).replace(" ", "") == text.replace(" ", "")
    assert "".join(part.text.text for part in parts) == text
    assert sum(len(part.spoken) for part in parts) == len(words)
    whole = together(parts)
    assert len(whole.spoken) == len(words)
    assert all(whole.phonemes[word.start] == whole.text.text[word.at] for word in whole.spoken)
