"""Short phrases are synthesised once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parley_tts.cache import PhraseCache
from parley_tts.engine import Chunk, Manner

MANNER = Manner(voice=(("rms", 1.0),))


def chunks(samples: int) -> tuple[Chunk, ...]:
    return (Chunk(np.zeros(samples, np.int16), 0.1),)


def test_the_least_recently_used_phrase_goes_first() -> None:
    cache = PhraseCache(5_000)
    for text in ("one", "two"):
        cache.put((MANNER, text), chunks(900))
    cache.get((MANNER, "one"))
    cache.put((MANNER, "three"), chunks(900))

    assert cache.get((MANNER, "two")) is None
    assert cache.get((MANNER, "one")) is not None


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = PhraseCache(5_000)
    cache.put((MANNER, "one"), chunks(900))
    cache.put((MANNER, "two"), chunks(10_000))

    assert cache.get((MANNER, "two")) is None
    assert cache.get((MANNER, "one")) is not None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3_000))))
def test_it_never_holds_more_than_it_may(phrases: list[tuple[str, int]]) -> None:
    cache = PhraseCache(10_000)
    for text, samples in phrases:
        cache.put((MANNER, text), chunks(samples))
        assert cache.size <= 10_000
        assert (cache.size == 0) == (len(cache) == 0)
