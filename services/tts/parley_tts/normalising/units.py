"""Units of measurement in English."""

import re

from parley_tts.normalising.numbers import cardinal
from parley_tts.normalising.quantities import NUMBER, QUANTITY, is_one, quantity, value
from parley_tts.normalising.rules import Rule, one_of, rule

_SINGULAR = {
    # Length, area, volume
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer",
    "µm": "micrometer", "\u03bcm": "micrometer", "mi": "mile", "yd": "yard", "ft": "foot",
    "sq ft": "square foot", "sq mi": "square mile", "km²": "square kilometer",
    "km2": "square kilometer", "m²": "square meter", "m2": "square meter", "m^2": "square meter",
    "cm²": "square centimeter", "cm2": "square centimeter", "mm²": "square millimeter",
    "m³": "cubic meter", "m3": "cubic meter", "m^3": "cubic meter", "cm³": "cubic centimeter",
    "cm3": "cubic centimeter", "ha": "hectare", "cc": "cc", "l": "liter", "L": "liter",
    "ml": "milliliter", "mL": "milliliter", "dl": "deciliter", "dL": "deciliter",
    "cl": "centiliter", "cL": "centiliter", "µL": "microliter", "µl": "microliter",
    "fL": "femtoliter", "gal": "gallon", "qt": "quart", "pt": "pint", "fl oz": "fluid ounce",
    "tsp": "teaspoon", "tbsp": "tablespoon",
    # Mass and dose
    "kg": "kilogram", "g": "gram", "mg": "milligram", "mcg": "microgram", "µg": "microgram",
    "\u03bcg": "microgram", "ng": "nanogram", "pg": "picogram", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "IU": "international unit", "mIU": "milli-international unit",
    "mEq": "milliequivalent", "mmol": "millimole", "mol": "mole", "µmol": "micromole",
    "nmol": "nanomole", "gtt": "drop",
    # Time and rate
    "ms": "millisecond", "µs": "microsecond", "ns": "nanosecond", "s": "second", "sec": "second",
    "secs": "second", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour",
    "wk": "week", "wks": "week", "yr": "year", "yrs": "year", "mos": "month",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "mph": "mile per hour", "kph": "kilometer per hour", "kmh": "kilometer per hour",
    "bpm": "beat per minute", "rpm": "revolution per minute", "RPM": "revolution per minute",
    "fps": "frame per second", "dpi": "dot per inch",
    # Data
    "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "PB": "petabyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "TiB": "tebibyte",
    "kbps": "kilobit per second", "Kbps": "kilobit per second", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "px": "pixel", "MP": "megapixel",
    # Energy, pressure and the rest
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour",
    "kWh": "kilowatt hour", "MWh": "megawatt hour", "V": "volt", "mV": "millivolt",
    "kV": "kilovolt", "mA": "milliamp", "mAh": "milliamp hour", "kJ": "kilojoule",
    "kcal": "kilocalorie", "cal": "calorie", "Pa": "pascal", "kPa": "kilopascal",
    "hPa": "hectopascal", "psi": "psi", "mmHg": "millimeter of mercury",
    "mm Hg": "millimeter of mercury", "cmH2O": "centimeter of water", "dB": "decibel",
    "hp": "horsepower", "ppm": "part per million", "°": "degree",
    "°C": "degree Celsius", "°F": "degree Fahrenheit", "° C": "degree Celsius",
    "° F": "degree Fahrenheit", "℃": "degree Celsius", "℉": "degree Fahrenheit",
    "ºC": "degree Celsius", "ºF": "degree Fahrenheit",
    "°N": "degree north", "°S": "degree south", "°E": "degree east", "°W": "degree west",
    "° N": "degree north", "° S": "degree south", "° E": "degree east", "° W": "degree west",
}  # fmt: skip
_TIGHT = {
    "in": "inch", "A": "amp", "J": "joule", "N": "newton", "U": "unit",
}  # fmt: skip
"""Only directly after the number, for with a space before them they are mostly something else."""

_PER_ONLY = {
    "d": "day",
    "day": "day",
    "dose": "dose",
    "wk": "week",
    "kg/min": "kilogram per minute",
}
_UNCHANGED = frozenset({"hertz", "kilohertz", "megahertz", "gigahertz", "horsepower", "psi"})
_FEET = {"foot": "feet", "inch": "inches"}
_SCALES = {"M": "million", "bn": "billion", "mn": "million", "k": "thousand"}
_TIMES_WORDS = (
    "daily", "weekly", "monthly", "yearly", "a", "per", "every", "each", "faster", "slower",
    "more", "less", "as", "better", "larger", "bigger", "smaller", "higher", "lower", "the",
)  # fmt: skip

_UNIT = rf"(?P<unit> {one_of(_SINGULAR)} )"
_PER = rf"(?: \s?/\s? (?P<per> {one_of(_SINGULAR | _PER_ONLY)} ) )?"
_END = r"(?: (?<=/) | (?<=/\s) | (?! [\w%] | [\u00b2\u00b3] ) )"
_EACH = r"(?P<each> \s? / \s? (?= \d ) )?"
_STOP = r"(?: \. (?= \s [a-z(] ) )?"
_COUNTED = re.compile(r"\S+(?= (?:per|of|Celsius|Fahrenheit|north|south|east|west)\b)|\S+\Z")
_FOOT, _INCH = "['\u2032\u2019]", "(?:\"|\u2033|\u201d|''|'')"


def _many(unit: str) -> str:
    """Miles per hour, square feet."""
    return _COUNTED.sub(lambda word: _plural(word[0]), unit, count=1)


def _plural(word: str) -> str:
    return word if word in _UNCHANGED else _FEET.get(word) or f"{word}s"


def _measure(match: re.Match[str]) -> str:
    unit = _SINGULAR[match["unit"]]
    words = f"{quantity(match)} {unit if is_one(match) or match['joint'] == '-' else _many(unit)}"
    if match["per"]:
        return f"{words} per {(_SINGULAR | _PER_ONLY)[match['per']]}"
    return f"{words} per " if match["each"] else words


def _tight(match: re.Match[str]) -> str:
    unit = _TIGHT[match["unit"]]
    return f"{quantity(match)} {unit if is_one(match) else _many(unit)}"


def _height(match: re.Match[str]) -> str:
    feet, inches = int(match["feet"]), int(match["inches"])
    return (
        f"{cardinal(feet)} {'foot' if feet == 1 else 'feet'} "
        f"{cardinal(inches)} {'inch' if inches == 1 else 'inches'}"
    )


def _dimensions(match: re.Match[str]) -> str:
    """10x20 cm."""
    words = " by ".join(value(number) for number in re.split(r"\s?[x\u00d7]\s?", match["sides"]))
    return f"{words} {_many(_SINGULAR[match['unit']])}" if match["unit"] else words


def _duration(match: re.Match[str]) -> str:
    """3h 45m."""
    hours, minutes = int(match["hours"]), int(match["minutes"])
    return (
        f"{cardinal(hours)} {'hour' if hours == 1 else 'hours'} "
        f"{cardinal(minutes)} {'minute' if minutes == 1 else 'minutes'}"
    )


def _pressure(match: re.Match[str]) -> str:
    if int(match["upper"]) <= int(match["lower"]):
        return match[0]
    words = f"{cardinal(int(match['upper']))} over {cardinal(int(match['lower']))}"
    return f"{words} millimeters of mercury" if match["unit"] else words


def _angle(match: re.Match[str]) -> str:
    """40\u00b026'46"N, as coordinates are written."""
    parts = [f"{cardinal(int(match['degrees']))} degrees {cardinal(int(match['minutes']))} minutes"]
    parts += [f"{cardinal(int(match['seconds']))} seconds"] if match["seconds"] else []
    parts += [_WINDS[match["wind"]]] if match["wind"] else []
    return " ".join(parts)


_WINDS = {"N": "north", "S": "south", "E": "east", "W": "west"}

RULES: tuple[Rule, ...] = (
    rule(
        r"""(?<! [\w.,/-] ) (?P<upper> [6-9]\d | [12]\d\d ) / (?P<lower> [3-9]\d | 1[0-5]\d )
        (?: \s? (?P<unit> mm\s?Hg ) \b )? (?! [\w/] | \.\d )""",
        _pressure,
    ),
    rule(
        rf"(?<! [\w.,] ) (?P<feet> \d ) \s? {_FOOT} \s? (?P<inches> \d | 1[01] ) \s? {_INCH}",
        _height,
    ),
    rule(
        rf"""(?<! [\w.,] ) (?P<degrees> \d{{1,3}} ) \s? ° \s? (?P<minutes> \d{{1,2}} ) {_FOOT}
        (?: \s? (?P<seconds> \d{{1,2}} ) {_INCH} )? (?: \s? (?P<wind> [NSEW] ) \b )?""",
        _angle,
    ),
    rule(
        rf"""(?<! [\w.,] ) (?P<sides> {NUMBER} (?: x {NUMBER} | \s [x\u00d7] \s {NUMBER} ){{1,3}} )
        (?: \s? {_UNIT} )? (?! \w )""",
        _dimensions,
    ),
    rule(
        r"(?<! [\w.,:] ) (?P<hours> \d{1,3} ) \s? h \s? (?P<minutes> [0-5]?\d ) \s? m (?: in )? \b",
        _duration,
    ),
    rule(rf"{QUANTITY} (?P<joint> \s | - )? {_UNIT} {_PER} {_EACH} {_END} {_STOP}", _measure),
    rule(rf"{QUANTITY} (?P<unit> {one_of(_TIGHT)} ) {_END} {_STOP}", _tight),
    rule(rf"{QUANTITY} \s? (?P<unit> in ) \. (?= \s [a-z] )", _tight),
    rule(
        rf"{QUANTITY} (?P<letters> {one_of(_SCALES)} ) \b",
        lambda match: f"{quantity(match)} {_SCALES[match['letters']]}",
    ),
    rule(rf"{QUANTITY} \s? % (?! \w )", lambda match: f"{quantity(match)} percent"),
    rule(
        rf"{QUANTITY} \s? [x\u00d7] (?= \s (?: {one_of(_TIMES_WORDS)} ) \b | / )",
        lambda match: f"{quantity(match)} {'time' if is_one(match) else 'times'}",
    ),
)
