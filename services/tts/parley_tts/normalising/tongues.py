"""Other languages than English: signs, money, units and times in their words.

Their numbers stay digits, which their engines read, each with its own grammar.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from parley_tts.normalising import english
from parley_tts.normalising.addresses import AddressWords
from parley_tts.normalising.rules import Rule, one_of, rule, spoken_by
from parley_tts.traced import Traced


@dataclass(frozen=True, slots=True)
class Tongue:
    """The words of a language; of what is counted, the one for one thing and that for more."""

    address: Mapping[str, str]
    units: Mapping[str, tuple[str, str]]
    money: Mapping[str, tuple[str, str]]
    signs: Mapping[str, str]
    minus: str
    percent: str
    clock: str
    """The time, with {hour} and {minute}."""
    full_hour: str
    cents: str = ""
    """A sum of money, with {whole} and {cents}; without one it is read as a number."""
    space: str = " "
    one: tuple[str, ...] = field(default=("1",))


def _address(*words: str) -> dict[str, str]:
    return dict(zip("./@-_+?=&#:%~", words, strict=False))


def _same(units: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Words that do not change with the number."""
    return {unit: (word, word) for unit, word in units.items()}


def _with_s(units: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The first word takes an s."""
    return {
        unit: (word, f"{head}s{gap}{rest}")
        for unit, word in units.items()
        for head, gap, rest in [word.partition(" ")]
    }


_TONGUES = {
    "es": Tongue(
        _address("punto", "barra", "arroba", "guion", "guion bajo", "más", "interrogación",
                 "igual", "y", "almohadilla", "dos puntos", "por ciento", "virgulilla"),
        _with_s({"km": "kilómetro", "m": "metro", "cm": "centímetro", "mm": "milímetro",
                 "kg": "kilogramo", "g": "gramo", "mg": "miligramo", "mcg": "microgramo",
                 "µg": "microgramo", "l": "litro", "L": "litro", "ml": "mililitro",
                 "mL": "mililitro", "km/h": "kilómetro por hora", "°C": "grado Celsius",
                 "°F": "grado Fahrenheit", "°": "grado", "min": "minuto", "h": "hora",
                 "m²": "metro cuadrado", "GB": "gigabyte", "MB": "megabyte"})
        | {"m²": ("metro cuadrado", "metros cuadrados"), "km²": ("kilómetro cuadrado", "kilómetros cuadrados")},
        {"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras"), "¥": ("yen", "yenes")},
        {"&": "y", "+": "más", "=": "igual a"},
        "menos", "por ciento", "{hour} y {minute}", "{hour} en punto", "{whole} con {cents}",
    ),
    "fr": Tongue(
        _address("point", "slash", "arobase", "tiret", "tiret bas", "plus", "point d'interrogation",
                 "égale", "et", "dièse", "deux-points", "pour cent", "tilde"),
        _with_s({"km": "kilomètre", "m": "mètre", "cm": "centimètre", "mm": "millimètre",
                 "kg": "kilogramme", "g": "gramme", "mg": "milligramme", "mcg": "microgramme",
                 "µg": "microgramme", "l": "litre", "L": "litre", "ml": "millilitre",
                 "mL": "millilitre", "km/h": "kilomètre par heure", "°C": "degré Celsius",
                 "°F": "degré Fahrenheit", "°": "degré", "min": "minute", "h": "heure",
                 "Go": "gigaoctet", "Mo": "mégaoctet"})
        | {"km/h": ("kilomètre-heure", "kilomètres-heure"), "m²": ("mètre carré", "mètres carrés"),
           "km²": ("kilomètre carré", "kilomètres carrés")},
        {"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres"), "¥": ("yen", "yens")},
        {"&": "et", "+": "plus", "=": "égale"},
        "moins", "pour cent", "{hour} heures {minute}", "{hour} heures", "{whole} {cents}",
        one=("0", "1"),
    ),
    "it": Tongue(
        _address("punto", "barra", "chiocciola", "trattino", "trattino basso", "più",
                 "punto interrogativo", "uguale", "e", "cancelletto", "due punti", "per cento", "tilde"),
        {"km": ("chilometro", "chilometri"), "m": ("metro", "metri"), "cm": ("centimetro", "centimetri"),
         "mm": ("millimetro", "millimetri"), "kg": ("chilogrammo", "chilogrammi"),
         "g": ("grammo", "grammi"), "mg": ("milligrammo", "milligrammi"),
         "mcg": ("microgrammo", "microgrammi"), "µg": ("microgrammo", "microgrammi"),
         "l": ("litro", "litri"), "L": ("litro", "litri"), "ml": ("millilitro", "millilitri"),
         "mL": ("millilitro", "millilitri"), "km/h": ("chilometro orario", "chilometri orari"),
         "°C": ("grado Celsius", "gradi Celsius"), "°F": ("grado Fahrenheit", "gradi Fahrenheit"),
         "°": ("grado", "gradi"), "min": ("minuto", "minuti"), "h": ("ora", "ore"),
         "m²": ("metro quadrato", "metri quadrati"), "km²": ("chilometro quadrato", "chilometri quadrati"),
         "GB": ("gigabyte", "gigabyte"), "MB": ("megabyte", "megabyte")},
        {"€": ("euro", "euro"), "$": ("dollaro", "dollari"), "£": ("sterlina", "sterline"), "¥": ("yen", "yen")},
        {"&": "e", "+": "più", "=": "uguale"},
        "meno", "per cento", "{hour} e {minute}", "{hour}", "{whole} e {cents}",
    ),
    "pt": Tongue(
        _address("ponto", "barra", "arroba", "hífen", "sublinhado", "mais", "interrogação",
                 "igual", "e", "cerquilha", "dois-pontos", "por cento", "til"),
        _with_s({"km": "quilômetro", "m": "metro", "cm": "centímetro", "mm": "milímetro",
                 "kg": "quilograma", "g": "grama", "mg": "miligrama", "mcg": "micrograma",
                 "µg": "micrograma", "l": "litro", "L": "litro", "ml": "mililitro",
                 "mL": "mililitro", "km/h": "quilômetro por hora", "°C": "grau Celsius",
                 "°F": "grau Fahrenheit", "°": "grau", "min": "minuto", "h": "hora",
                 "GB": "gigabyte", "MB": "megabyte"})
        | {"m²": ("metro quadrado", "metros quadrados"), "km²": ("quilômetro quadrado", "quilômetros quadrados")},
        {"R$": ("real", "reais"), "€": ("euro", "euros"), "US$": ("dólar", "dólares"), "$": ("dólar", "dólares"),
         "£": ("libra", "libras"), "¥": ("iene", "ienes")},
        {"&": "e", "+": "mais", "=": "igual a"},
        "menos", "por cento", "{hour} e {minute}", "{hour} horas", "{whole} e {cents} centavos",
        one=("0", "1"),
    ),
    "de": Tongue(
        _address("Punkt", "Schrägstrich", "at", "Bindestrich", "Unterstrich", "plus", "Fragezeichen",
                 "gleich", "und", "Raute", "Doppelpunkt", "Prozent", "Tilde"),
        _same({"km": "Kilometer", "m": "Meter", "cm": "Zentimeter", "mm": "Millimeter", "kg": "Kilogramm",
               "g": "Gramm", "mg": "Milligramm", "µg": "Mikrogramm", "l": "Liter", "L": "Liter",
               "ml": "Milliliter", "mL": "Milliliter", "km/h": "Kilometer pro Stunde",
               "°C": "Grad Celsius", "°F": "Grad Fahrenheit", "°": "Grad", "m²": "Quadratmeter",
               "km²": "Quadratkilometer", "GB": "Gigabyte", "MB": "Megabyte"})
        | {"min": ("Minute", "Minuten"), "h": ("Stunde", "Stunden")},
        _same({"€": "Euro", "$": "Dollar", "£": "Pfund", "¥": "Yen"}),
        {"&": "und", "+": "plus", "=": "gleich"},
        "minus", "Prozent", "{hour} Uhr {minute}", "{hour} Uhr", "{whole} {cents}",
    ),
    "hi": Tongue(
        _address("डॉट", "स्लैश", "ऐट", "डैश", "अंडरस्कोर", "प्लस", "प्रश्नचिह्न", "बराबर", "और", "हैश",
                 "कोलन", "प्रतिशत", "टिल्ड"),
        _same({"km": "किलोमीटर", "m": "मीटर", "cm": "सेंटीमीटर", "mm": "मिलीमीटर", "kg": "किलोग्राम",
               "g": "ग्राम", "mg": "मिलीग्राम", "mcg": "माइक्रोग्राम", "ml": "मिलीलीटर", "mL": "मिलीलीटर",
               "l": "लीटर", "L": "लीटर", "km/h": "किलोमीटर प्रति घंटा", "°C": "डिग्री सेल्सियस",
               "°F": "डिग्री फ़ारेनहाइट", "°": "डिग्री", "किमी": "किलोमीटर", "GB": "गीगाबाइट"}),
        {"₹": ("रुपया", "रुपये")} | _same({"$": "डॉलर", "€": "यूरो", "£": "पाउंड", "¥": "येन"}),
        {"&": "और", "+": "प्लस", "=": "बराबर"},
        "माइनस", "प्रतिशत", "{hour} बजकर {minute} मिनट", "{hour} बजे",
    ),
    "ja": Tongue(
        _address("ドット", "スラッシュ", "アットマーク", "ハイフン", "アンダーバー", "プラス", "はてな",
                 "イコール", "アンド", "シャープ", "コロン", "パーセント", "チルダ"),
        _same({"km": "キロメートル", "m": "メートル", "cm": "センチメートル", "mm": "ミリメートル",
               "kg": "キログラム", "g": "グラム", "mg": "ミリグラム", "ml": "ミリリットル",
               "mL": "ミリリットル", "l": "リットル", "L": "リットル", "°C": "度", "℃": "度", "°": "度",
               "m²": "平方メートル", "km²": "平方キロメートル", "GB": "ギガバイト", "MB": "メガバイト"}),
        _same({"¥": "円", "\uffe5": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド"}),
        {"&": "アンド", "+": "プラス", "=": "イコール"},
        "マイナス", "パーセント", "{hour}時{minute}分", "{hour}時", space="",
    ),
    "zh": Tongue(
        _address("点", "斜杠", "艾特", "横杠", "下划线", "加号", "问号", "等号", "和", "井号", "冒号",
                 "百分号", "波浪号"),
        _same({"km": "公里", "m": "米", "cm": "厘米", "mm": "毫米", "kg": "公斤", "g": "克", "mg": "毫克",
               "ml": "毫升", "mL": "毫升", "l": "升", "L": "升", "km/h": "公里每小时", "°C": "摄氏度",
               "℃": "摄氏度", "°F": "华氏度", "°": "度", "m²": "平方米", "km²": "平方公里"}),
        _same({"¥": "元", "\uffe5": "元", "$": "美元", "€": "欧元", "£": "英镑"}),
        {"&": "和", "+": "加", "=": "等于"},
        "负", "百分之", "{hour}点{minute}分", "{hour}点", space="",
    ),
}  # fmt: skip

_NUMBER = (
    r"(?P<number> (?: \d{1,3} (?: [.,\u00a0\u202f']\d{3} ){1,5}+ (?!\d) | \d++ ) (?: [.,]\d++ )?+ )"
)
_START = r"(?<! [\d.,:] )"
_MINUS = r"(?P<minus> (?<! [^\s(] ) [-\u2212] (?=\d) )"
_CENTS = (
    r"(?P<whole> \d{1,3} (?: [.,]\d{3} ){1,4}+ | \d{1,9}+ ) [.,] (?P<cents> \d\d ) (?! [.,]?\d )"
)


def address_words(language: str) -> AddressWords | None:
    """None for a language whose words are not known here."""
    key = _key(language)
    if key == "en":
        return english.ADDRESS_WORDS
    return AddressWords(_TONGUES[key].address) if key in _TONGUES else None


def spoken(text: Traced, language: str) -> Traced:
    """As it is, in a language whose words are not known here."""
    key = _key(language)
    return spoken_by(text, _rules(key)) if key in _TONGUES else text


def _key(language: str) -> str:
    return re.split("[-_]", language.casefold(), maxsplit=1)[0]


@cache
def _rules(key: str) -> tuple[Rule, ...]:
    tongue = _TONGUES[key]
    return (*_clock(tongue), *_money(tongue), *_units(tongue), *_percent(tongue), *_signs(tongue))


def _clock(tongue: Tongue) -> tuple[Rule, ...]:
    def said(match: re.Match[str]) -> str:
        hour, minute = str(int(match["hour"])), str(int(match["minute"]))
        form = tongue.full_hour if minute == "0" else tongue.clock
        words = form.format(hour=hour, minute=minute)
        return re.sub(r"^([01] heure|[01] hora)s", r"\1", words)

    pattern = (
        r"(?<! [\w:.,] ) (?P<hour> [01]?\d | 2[0-3] ) {} (?P<minute> [0-5]\d ) (?! [\d:] | [.,]\d )"
    )
    french = r"\s? [:hH] \s?" if tongue is _TONGUES["fr"] else ":"
    return (rule(pattern.format(french), said),)


def _money(tongue: Tongue) -> tuple[Rule, ...]:
    symbols = one_of(tongue.money)
    gap = tongue.space

    def amount(match: re.Match[str]) -> str:
        return f"{match['number']}{gap}{_counted(tongue, tongue.money, match)}"

    def with_cents(match: re.Match[str]) -> str:
        whole = f"{match['whole']}{gap}{_form(tongue, match['whole'], tongue.money[match['unit']])}"
        cents = str(int(match["cents"]))
        return whole if cents == "0" else tongue.cents.format(whole=whole, cents=cents)

    unit = rf"(?P<unit> (?<! [A-Za-z] ) (?: {symbols} ) )"
    rules = (
        rule(rf"{unit} \s? {_NUMBER}", amount),
        rule(rf"{_START} {_NUMBER} \s? {unit}", amount),
    )
    if not tongue.cents:
        return rules
    return (
        rule(rf"{unit} \s? {_CENTS}", with_cents),
        rule(rf"{_START} {_CENTS} \s? {unit}", with_cents),
        *rules,
    )


def _units(tongue: Tongue) -> tuple[Rule, ...]:
    gap = tongue.space

    def measure(match: re.Match[str]) -> str:
        sign = f"{tongue.minus}{gap}" if match["minus"] else ""
        return f"{sign}{match['number']}{gap}{_counted(tongue, tongue.units, match)}"

    pattern = rf"{_MINUS}? {_START} {_NUMBER} \s? (?P<unit> {one_of(tongue.units)} ) (?! [A-Za-z\d/\u00b2\u00b3] )"
    return (rule(pattern, measure),)


def _counted(tongue: Tongue, words: Mapping[str, tuple[str, str]], match: re.Match[str]) -> str:
    return _form(tongue, match["number"], words[match["unit"]])


def _form(tongue: Tongue, number: str, forms: tuple[str, str]) -> str:
    """French and Portuguese have the singular up to two: 1,5 litre."""
    whole = re.split("[.,]", number)[0] if tongue.one != ("1",) else number
    return forms[0] if whole in tongue.one and not re.search(r"[.,]\d{3}\Z", number) else forms[1]


def _percent(tongue: Tongue) -> tuple[Rule, ...]:
    if tongue is _TONGUES["zh"]:
        return (
            rule(rf"{_START} {_NUMBER} \s? [%\uff05]", lambda match: f"百分之{match['number']}"),
        )
    words = f"{tongue.space}{tongue.percent}"
    return (rule(r"(?<= \d ) \s? [%\uff05]", words),)


def _signs(tongue: Tongue) -> tuple[Rule, ...]:
    gap = tongue.space
    words = {sign: f"{gap}{word}{gap}" for sign, word in tongue.signs.items()}
    return (
        rule(_MINUS, f"{tongue.minus}{gap}"),
        rule(r"\s? & \s?", words["&"]),
        rule(r"(?<= \d ) \s? \+ \s? (?= \d )", words["+"]),
        rule(r"(?<= [\d\w)] ) \s? = \s? (?= [\d\w(-] )", words["="]),
    )
