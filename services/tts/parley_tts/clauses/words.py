"""Words that tell where text may be cut: what a phrase begins with, and what is short for what."""


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONNECTIVES = _listed(
    """
    and or but nor so yet because although though unless until while whereas if whether than that
    who whom whose which what when where why how since after before once as
    about above across against along among around at behind below beneath beside between beyond
    by despite down during except for from in inside into like near off on onto out outside
    over past through throughout till to toward towards under up upon via with within without
    dass weil wenn als ob und oder aber denn sondern mit von zu bei nach aus auf für
    über unter vor zwischen durch gegen ohne um
    à au aux et ou mais donc que qui dont où quand lorsque si comme avec sans dans sur sous pour par
    chez vers entre depuis pendant
    y o pero sino porque aunque cuando donde quien como con sin en sobre para por desde hasta
    e ma però perché quando che chi con senza nel nella sul sulla per tra fra da di
    mas porque embora onde quem com sem em sobre para por desde até
    """
)
"""Conjunctions, prepositions and relative words: a phrase begins with them."""

DETERMINERS = _listed(
    """
    a an the this that these those my your his her its our their some any no every each all both
    of is are was were be been am very too not to will would can could shall should may might must
    i you he she it we they do does did have has had
    der die das den dem des ein eine einen einem einer mein dein sein ihr
    le la les un une des du de ce cette ces mon ma mes ton ta tes son sa ses
    el los las una unos unas mi tu su il lo gli i uno o os as um uma l d
    """
)
"""Words that are one with what follows them."""

TITLES = _listed(
    """
    adm approx apt ca capt cf cmdr col dr dra drs esp fig figs fr ft gen gov hon i.e e.g lt maj
    messrs misc mlle mme mr mrs ms mt mx nr op prof pt rep rev sen sgt sig sr sra srta st sta ste
    tel viz vs dott z.b d.h u.a bzw p.ex av
    """
)
"""Abbreviations, less their last full stop, that are nothing without the word behind them."""

NUMBERED = _listed("no nos p pp vol vols ch sec art fig figs nr núm n pág § op")
"""Abbreviations of what a number follows."""

ABBREVIATIONS = _listed(
    """
    al assoc ave blvd bros co corp dept ed eds est hr hrs inc jr ltd min mins oz lb lbs rd sec sq
    str ud uds usw vol vols yr yrs a.m p.m
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun
    """
)
"""Abbreviations that may end a sentence, or not."""

MONTHS = _listed(
    """
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    januar februar märz mai juni juli oktober dezember
    janvier février mars avril juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
    janeiro fevereiro março maio junho julho setembro outubro novembro dezembro
    """
)

BETWEEN_NUMBERS = _listed("to or and by x of through bis à a al y e")
"""What makes a range or the like of two numbers."""

UNITS = _listed(
    """
    am pm a.m p.m o'clock percent hundred thousand million billion trillion dollars euros pounds
    cents degrees km cm mm kg mg g ml l m mi ft lb oz mph kmh hz khz mhz ghz kb mb gb tb
    bc ad bce ce
    """
)
"""What a number is one with."""

LONGEST = 16
"""No word of these has more characters."""
