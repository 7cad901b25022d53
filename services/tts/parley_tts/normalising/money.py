"""Sums of money in English."""

import re
from dataclasses import dataclass

from parley_tts.normalising.numbers import cardinal
from parley_tts.normalising.quantities import NUMBER, QUANTITY, is_one, quantity
from parley_tts.normalising.rules import Rule, one_of, rule


@dataclass(frozen=True, slots=True)
class _Currency:
    one: str
    many: str
    cent: str = "cent"
    cents: str = "cents"


_DOLLAR = _Currency("dollar", "dollars")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_EURO = _Currency("euro", "euros")
_YEN = _Currency("yen", "yen", "sen", "sen")
_RUPEE = _Currency("rupee", "rupees", "paisa", "paise")


def _dollar(of: str) -> _Currency:
    return _Currency(f"{of} dollar", f"{of} dollars")


_SYMBOLS = {
    "$": _DOLLAR, "£": _POUND, "€": _EURO, "¥": _YEN, "\uffe5": _YEN, "₹": _RUPEE,
    "₩": _Currency("won", "won"), "₽": _Currency("rouble", "roubles", "kopeck", "kopecks"),
    "₪": _Currency("shekel", "shekels", "agora", "agorot"), "₺": _Currency("lira", "lira"),
    "₿": _Currency("bitcoin", "bitcoins"), "US$": _dollar("US"), "CA$": _dollar("Canadian"),
    "C$": _dollar("Canadian"), "A$": _dollar("Australian"), "AU$": _dollar("Australian"),
    "NZ$": _dollar("New Zealand"), "HK$": _dollar("Hong Kong"), "S$": _dollar("Singapore"),
    "R$": _Currency("real", "reais", "centavo", "centavos"),
}  # fmt: skip
_CODES = {
    "USD": _dollar("US"), "EUR": _EURO, "GBP": _POUND, "JPY": _YEN, "INR": _RUPEE,
    "CAD": _dollar("Canadian"), "AUD": _dollar("Australian"), "NZD": _dollar("New Zealand"),
    "HKD": _dollar("Hong Kong"), "SGD": _dollar("Singapore"),
    "CHF": _Currency("Swiss franc", "Swiss francs"), "CNY": _Currency("yuan", "yuan"),
    "RMB": _Currency("yuan", "yuan"), "KRW": _Currency("won", "won"),
    "BRL": _Currency("real", "reais"), "MXN": _Currency("Mexican peso", "Mexican pesos"),
    "SEK": _Currency("Swedish krona", "Swedish kronor"),
    "NOK": _Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": _Currency("Danish krone", "Danish kroner"),
    "PLN": _Currency("zloty", "zlotys"), "TRY": _Currency("lira", "lira"),
    "ZAR": _Currency("rand", "rand"), "BTC": _Currency("bitcoin", "bitcoins"),
}  # fmt: skip
_CURRENCIES = _SYMBOLS | _CODES
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "mm": "million", "b": "billion",
    "bn": "billion", "t": "trillion", "tn": "trillion",
}  # fmt: skip

_BEFORE = (
    rf"(?: (?P<unit> (?<![A-Za-z]) (?: {one_of(_SYMBOLS)} ) | \b (?: {one_of(_CODES)} ) \s ) \s? )"
)
_AFTER = rf"\s? (?P<unit> {one_of(_SYMBOLS)} (?!\s?\d) | (?: {one_of(_CODES)} ) \b )"
_SCALE = rf"(?: \s? (?P<letters> (?i: {one_of(_SCALES)} ) ) \b )?"
_MINUS = r"(?: (?<! [^\s(] ) (?P<minus> [-\u2212] ) )?"
_WHOLE = r"\d{1,3} (?: ,\d{3} ){1,4}+ | \d{1,15}+"
_SUM = rf"(?P<whole> {_WHOLE} )?+ \. (?P<cents> \d\d ) (?! [\d%] | \.\d )"
_NO_SCALE = rf"(?! \s? (?i: {one_of(_SCALES)} | hundred | thousand | [mbt]r?illion ) \b )"


def _sum(match: re.Match[str]) -> str:
    """Of whole and hundredths: "one dollar and fifty cents"."""
    currency = _CURRENCIES[match["unit"].strip()]
    whole, cents = int((match["whole"] or "0").replace(",", "")), int(match["cents"])
    parts = []
    if whole or not cents:
        parts.append(f"{cardinal(whole)} {currency.one if whole == 1 else currency.many}")
    if cents:
        parts.append(f"{cardinal(cents)} {currency.cent if cents == 1 else currency.cents}")
    return _minus(match) + " and ".join(parts)


def _minus(match: re.Match[str]) -> str:
    return "minus " if match["minus"] else ""


def _amount(match: re.Match[str]) -> str:
    """Of any other number: "three point five million dollars"."""
    currency = _CURRENCIES[match["unit"].strip()]
    scale = _SCALES[match["letters"].lower()] + " " if match["letters"] else ""
    single = is_one(match) and not scale
    words = f"{quantity(match)} {scale}{currency.one if single else currency.many}"
    return _minus(match) + words


def _cents(match: re.Match[str]) -> str:
    return f"{quantity(match)} {'cent' if is_one(match) else 'cents'}"


# "$5-$10" is read like "$5-10".
_REPEATED = (
    rf"""(?P<first> (?P<unit> [$£€¥₹] ) {NUMBER} \s? [-\u2010-\u2015] \s? ) (?P=unit) (?=[\d.])"""
)

# "€1.234,56" and "20,50 €", as on the Continent.
_EURO_BEFORE = r"(?<= € ) (?P<whole> \d{1,3} (?: \.\d{3} ){0,4} ) , (?P<cents> \d\d ) (?! [\d.,] )"
_EURO_AFTER = (
    r"(?<! [\w.,] ) (?P<whole> \d{1,3} (?: \.\d{3} ){0,4} ) , (?P<cents> \d\d ) (?= \s?€ )"
)


def _continental(match: re.Match[str]) -> str:
    return f"{match['whole'].replace('.', '')}.{match['cents']}"


RULES: tuple[Rule, ...] = (
    rule(_EURO_BEFORE, _continental),
    rule(_EURO_AFTER, _continental),
    rule(_REPEATED, lambda match: match["first"]),
    rule(rf"{_MINUS} {_BEFORE} {_SUM} {_NO_SCALE} (?! \s? [-\u2010-\u2015] \s? \d )", _sum),
    rule(rf"{_MINUS} {_BEFORE} {QUANTITY} {_SCALE}", _amount),
    rule(rf"{_MINUS} (?<! [\w.,] ) {_SUM} {_AFTER}", _sum),
    rule(rf"(?P<minus> (?!) )? {QUANTITY} {_SCALE} {_AFTER}", _amount),
    rule(rf"{QUANTITY} \s? ¢", _cents),
)
