"""English words for numbers."""

import re

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SMALL = (
    *DIGITS, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", " thousand", " million", " billion", " trillion", " quadrillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_PLURALS = {"six": "sixes"}
MAX_CARDINAL_DIGITS = 3 * len(_SCALES)

FRACTIONS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8),
    "⅝": (5, 8), "⅞": (7, 8), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip


def cardinal(number: int) -> str:
    """1234 is "one thousand two hundred thirty-four"; up to `MAX_CARDINAL_DIGITS`."""
    if number < 1000:
        return _below_thousand(number)
    groups = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append(_below_thousand(group) + scale)
    return " ".join(reversed(groups))


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{DIGITS[hundreds]} hundred"] if hundreds else []
    if rest or not hundreds:
        words.append(_below_hundred(rest))
    return " ".join(words)


def _below_hundred(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}-{DIGITS[ones]}" if ones else _TENS[tens]


def ordinal(number: int) -> str:
    """22 is "twenty-second"."""
    head, last = _last_word(cardinal(number))
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return head + (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}{_th(last)}")


def _th(word: str) -> str:
    return "h" if word.endswith("t") else "th"


def plural(words: str) -> str:
    """Of a number: "nineteen nineties", "fifths"."""
    head, last = _last_word(words)
    if last in _PLURALS:
        return head + _PLURALS[last]
    return head + (f"{last[:-1]}ies" if last.endswith("y") else f"{last}s")


def _last_word(words: str) -> tuple[str, str]:
    match = re.search(r"[a-z]+\Z", words)
    at = match.start() if match else len(words)
    return words[:at], words[at:]


def digit_by_digit(text: str) -> str:
    """All else in the text is left out."""
    return " ".join(DIGITS[int(char)] for char in text if char.isdecimal())


def in_groups(text: str) -> str:
    """Digit by digit, with a pause wherever something else stands in between."""
    return ", ".join(digit_by_digit(group) for group in re.findall(r"\d+", text))


def year(number: int) -> str:
    """1999 is "nineteen ninety-nine"; four digits."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    return pairs(century, rest)


def pairs(first: int, second: int) -> str:
    """Two numbers below a hundred read as one: 19 and 5 are "nineteen oh five"."""
    if second == 0:
        return f"{cardinal(first)} hundred"
    return f"{cardinal(first)} {'oh ' if second < 10 else ''}{cardinal(second)}"


def whole_number(digits: str) -> str:
    """Digits without anything else: as a number if they are one, else one by one.

    What begins with a zero, or is long and not round, is an identifier.
    """
    if len(digits) > 1 and digits[0] == "0":
        return digit_by_digit(digits)
    if len(digits) > MAX_CARDINAL_DIGITS or (len(digits) > 6 and not digits.endswith("000")):
        return ", ".join(
            digit_by_digit(group) for group in re.findall(r"\d{3}(?!\d\Z)|\d+", digits)
        )
    return cardinal(int(digits))


def decimal(text: str) -> str:
    """A number as it is written in English: "1,234.5"."""
    whole, _, decimals = text.partition(".")
    digits = whole.replace(",", "")
    is_cardinal = digits != text and len(digits) <= MAX_CARDINAL_DIGITS
    words = (cardinal(int(digits)) if is_cardinal else whole_number(digits)) if digits else ""
    return f"{words} point {digit_by_digit(decimals)}".strip() if decimals else words


def code(digits: str) -> str:
    """Digits that are part of a name, as in A320, read in the shortest way."""
    if len(digits) > 4 or digits[0] == "0":
        return digit_by_digit(digits)
    if len(digits) == 4:
        return year(int(digits))
    return pairs(*divmod(int(digits), 100)) if len(digits) == 3 else cardinal(int(digits))


def fraction(numerator: int, denominator: int) -> str:
    """3 and 4 are "three quarters"."""
    name = {2: "half", 4: "quarter"}.get(denominator) or ordinal(denominator)
    if numerator == 1:
        return f"one {name}"
    return f"{cardinal(numerator)} {'halves' if name == 'half' else plural(name)}"
