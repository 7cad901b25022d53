"""Abbreviations that are read as the words they stand for, and Roman numerals, in English."""

import re

from parley_tts.normalising.numbers import cardinal, ordinal
from parley_tts.normalising.rules import Rule, one_of, rule

_TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miss", "Prof": "Professor",
    "Rev": "Reverend", "Hon": "Honorable", "Gen": "General", "Col": "Colonel", "Maj": "Major",
    "Capt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal",
    "Sen": "Senator", "Rep": "Representative", "Gov": "Governor", "Pres": "President",
    "St": "Saint", "Mt": "Mount", "Ft": "Fort", "Fr": "Father",
}  # fmt: skip
_STREETS = {
    "St": "Street", "Dr": "Drive", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road",
    "Ln": "Lane", "Ct": "Court", "Pl": "Place", "Hwy": "Highway", "Sq": "Square",
}  # fmt: skip
_WORDS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "approx.": "approximately", "a.k.a.": "also known as", "et al.": "and others",
    "dept.": "department", "Dept.": "Department", "Jr.": "Junior", "Sr.": "Senior",
    "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "Bros.": "Brothers",
    "min.": "minimum", "max.": "maximum", "avg.": "average", "est.": "estimated",
    "appt.": "appointment", "Appt.": "Appointment",
    "b.i.d.": "twice a day", "t.i.d.": "three times a day", "q.i.d.": "four times a day",
    "p.r.n.": "as needed", "p.o.": "by mouth", "cf.": "compare", "viz.": "namely",
    "Approx.": "Approximately", "E.g.": "For example", "I.e.": "That is",
}  # fmt: skip
_BEFORE_NUMBER = {
    "No.": "number", "no.": "number", "Nos.": "numbers", "nos.": "numbers", "Fig.": "Figure",
    "fig.": "figure", "Figs.": "Figures", "p.": "page", "pp.": "pages", "vol.": "volume",
    "Vol.": "Volume", "ch.": "chapter", "Ch.": "Chapter", "sec.": "section", "Sec.": "Section",
    "Apt.": "Apartment", "apt.": "apartment", "ext.": "extension", "Ext.": "Extension",
    "Eq.": "Equation", "eq.": "equation", "ca.": "circa", "c.": "circa", "Rm.": "Room",
    "art.": "article", "Art.": "Article", "par.": "paragraph",
}  # fmt: skip
_COUNTED = (
    "Chapter", "Part", "Volume", "Book", "Act", "Scene", "Section", "Article", "Appendix", "Phase",
    "Type", "Level", "Stage", "Grade", "Class", "Figure", "Table", "Title", "World War",
    "Super Bowl", "Factor", "Unit", "Category", "Schedule", "Episode",
)  # fmt: skip
_RULERS = (
    "Henry", "Louis", "Elizabeth", "George", "Charles", "Edward", "James", "William", "Richard",
    "Paul", "John", "Benedict", "Pius", "Francis", "Catherine", "Philip", "Napoleon", "Alexander",
    "Nicholas", "Gregory", "Leo", "Innocent", "Clement", "Urban", "Mary", "Peter", "Frederick",
    "Ramses", "Ferdinand", "Wilhelm", "Ivan", "Harald", "Carl", "Victoria", "Alfonso", "Xerxes",
)  # fmt: skip
_ROMAN = r"(?P<roman> (?: X{1,3} (?: IX | IV | V?I{0,3} ) | IX | IV | VI{0,3} | I{1,3} ) )"
_LETTERS = {"I": 1, "V": 5, "X": 10}


def roman(numeral: str) -> int:
    """Up to thirty-nine."""
    values = [_LETTERS[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-one if one < more else one for one, more in zip(values, following, strict=True))


def _short(match: re.Match[str]) -> str:
    """A full stop that may end a sentence too stays one."""
    ends = match["end"] is not None and match["short"] not in {"e.g.", "i.e.", "vs.", "cf."}
    return _WORDS[match["short"]] + ("." if ends else "")


def _spaced(match: re.Match[str]) -> str:
    spaced = match.string[match.end() : match.end() + 1].isspace()
    return _BEFORE_NUMBER[match["short"]] + ("" if spaced else " ")


def _numbered(match: re.Match[str]) -> str:
    return match["what"] + cardinal(roman(match["roman"]))


def _ruler(match: re.Match[str]) -> str:
    return f"{match['who']}the {ordinal(roman(match['roman']))}"


def _title(match: re.Match[str]) -> str:
    return _TITLES[match["short"]]


RULES: tuple[Rule, ...] = (
    rule(
        rf"""(?<= [a-z] \s ) (?P<short> {one_of(_STREETS)} ) \.
        (?= , | \s* \Z | \s [a-z] | \s (?: Apt | Suite | Unit | [NS][EW]? | [EW] ) \b )""",
        lambda match: _STREETS[match["short"]],
    ),
    rule(rf"\b (?P<short> {one_of(_TITLES)} ) \. (?= \s? [A-Z] )", _title),
    rule(
        r"""\b (?P<short> Dr | Mr | Mrs | Ms | Prof )
        (?: (?= \s [A-Z] ) | \. (?= \s (?: and | or | & ) \s ) )""",
        _title,
    ),
    rule(rf"(?<! [\w.] ) (?P<short> {one_of(_BEFORE_NUMBER)} ) (?= \s? \d )", _spaced),
    rule(
        rf"""(?<! [\w.] ) (?<! \d\s ) (?P<short> {one_of(_WORDS)} )
        (?= (?P<end> \s [A-Z\"\u201c] | \s? \Z )? )""",
        _short,
    ),
    rule(r"\b vs (?= \s )", "versus"),
    rule(r"\b Ph\.\s?D\.", "PhD"),
    rule(
        r"\b q (?P<hours> \d{1,2} ) h \b",
        lambda match: f"every {cardinal(int(match['hours']))} hours",
    ),
    rule(
        rf"""\b (?P<what> (?: {one_of(_COUNTED)} ) \s ) {_ROMAN}
        (?! [\w'\u2019] | \s (?: am | was | have | had | will | think | like )\b )""",
        _numbered,
    ),
    rule(
        rf"""\b (?P<who> (?: {one_of(_RULERS)} ) \s ) (?! I (?! [IVX] ) ) {_ROMAN}
        (?! \w | ['\u2019] (?! s\b ) )""",
        _ruler,
    ),
    rule(
        r"""\b (?P<who> (?: King | Queen | Pope | Tsar | Emperor ) \s [A-Z][a-z]{1,20} \s )
        (?P<roman> I ) (?! [\w'\u2019] | \s [a-z] )""",
        _ruler,
    ),
)
