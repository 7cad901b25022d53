"""Sounds and stress that the caller gives, as misaki reads them: `[word](/wɜd/)`, `[word](+1)`.

They look like links, and are none.
"""

import re

from parley_tts.traced import Traced

_IPA = (
    "\u00e6\u00e7\u00f0\u00f8\u0127\u014b\u0153\u0250-\u02ff\u0300-\u036f"
    "\u03b2\u03b8\u03c7\u1d00-\u1dbf\u2191\u2193\u2197\u2198"
)
PRONUNCIATION = re.compile(
    rf"""\[ (?P<word> [^\[\]\n]{{1,500}}+ ) \]
    \( (?: / (?= [^()/\n]{{0,200}} [{_IPA}] ) [^()/\n]{{1,200}}+ /
        | [+-]? (?: \d (?: \.5 )? | \.5 ) ) \)""",
    re.VERBOSE,
)


def without_pronunciations(text: Traced) -> Traced:
    """The words alone, for an engine that does not read them."""
    return text.keep(PRONUNCIATION, "word")
