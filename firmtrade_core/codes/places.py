"""The one list of places: what a label of a partner means, whoever wrote it.

A label is a present country under any of its names, codes and numbers (ISO, the United Nations', in several languages);
or one of ``assets/codes/places.csv``: a code given up for another, a part of a country, a state that is no more, several
countries reported as one, a total, or a partner that the source does not tell. What is done follows from the kind:

========== =====================================================================================================
kind       rule
========== =====================================================================================================
country    read as its ISO code
renamed    the same territory under another code (ROM, ZAR, EL, UK): read as the present code, and said
joined     a part of a present country (England, Dubai, West Germany): read as that country, and said
convention a label that stands for a country by convention ("Other Asia, nes": Taiwan): read so, and said
former     a state that is no more (SUN, CSK, ANT): kept apart under its own code, and said
composite  several countries reported as one (BLX, ZA1): kept apart under its own code, and said
total      the world, a group or a region: no partner, set aside
unspecified a partner that the source does not tell (areas nes, bunkers, free zones): set aside
ambiguous  a code that two publishers give to different places: set aside; one that two states bore one after the other is told
           by the year, and set aside between them
unknown    anything else; letters that look alike are never offered as meaning
========== =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from firmtrade_core.codes.iso import country_names, is_known, plain_text
from firmtrade_core.codes.word_lists import word_list
from firmtrade_core.paths import asset, read_rows

Kind = Literal[
    "country", "renamed", "joined", "convention", "former", "composite", "total", "unspecified", "ambiguous", "unknown"
]  # fmt: skip

#: Kinds whose label stands for a partner that can be kept, and those read as a present country.
PARTNERS = frozenset({"country", "renamed", "joined", "convention", "former", "composite"})
PRESENT = frozenset({"country", "renamed", "joined", "convention"})

#: Numbers under which the United Nations report present countries, other than ISO's.
COMTRADE_NUMBERS = {
    "842": "USA", "251": "FRA", "699": "IND", "757": "CHE", "579": "NOR", "381": "ITA",
}  # fmt: skip

#: A number that is ISO's for one place and the United Nations' for another: read so beside the United Nations' own.
COMTRADE_CONFLICTS = {"492": "Europe EU, nes"}

#: The United Nations' letters for areas of no country (E19, F19, O19, R20, X1, _X).
_AREA_CODE = re.compile(r"[aefoprswx]\d{1,2}$")

#: Beginnings of labels that add partners up, whatever follows.
_TOTAL_WORDS = re.compile(
    r"(?:total|totals|totales|gesamt|insgesamt|all countries|all partners|todos los paises|todos os paises|tous les pays|tous pays|tutti i paesi|alle lander"
    r"|grand total|sub ?total|(?:extra|intra) ?(?:eu|ue|ea|euro)\b.*|(?:extra|intra) ?(?:eu|ue|ea)\d+"
    r"|(?:middle east|latin america|east asia|south asia|sub saharan africa|europe (?:and )?central asia|central europe and|emerging|developing)\b.*"
    r"|(?:advanced|developed|industrial|high income|low income|(?:upper|lower) middle income|low (?:and )?middle income|middle income)\b.*"
    r"|dots world|heavily indebted|small states|todos|tous|tutti|alle)\b"
)

#: Languages in which customs offices write countries' names.
_NAME_LANGUAGES = (
    "en", "es", "es_MX", "fr", "pt", "pt_PT", "de", "it", "nl", "tr", "ru", "pl", "ro", "id", "sv",
)  # fmt: skip

_HISTORIC = re.compile(
    r"\(\s*(?:\.{2,}|…|until|before|hasta|antes de|até|jusqu.?en|bis)\s*(?:en\s+)?\d{4}\s*\)", re.I
)

#: Marks of footnotes behind a label: ``*``, superscripts, ``1/``, ``(1)``, ``[2]``.
_FOOTNOTE = re.compile(r"(?<=[^\W\d]{3})(?:\s*(?:[*†‡]+|[¹²³⁰-⁹]+|[(\[]\d{1,2}[)\]])|\s+\d{1,2}/)+$")

#: Articles before a name.
_ARTICLE = re.compile(r"(?:the|el|la|los|las|le|les|l|der|die|das|den|il|lo|gli|het|o|os|as) ")

_FORMER_WORDS = word_list("former_words")

#: Words that tell a state's form, articles and joints: two names that differ in them alone are the same.
_FILLERS = word_list("place_fillers")

_ABBREVIATIONS = {
    "rep": "republic", "isds": "islands", "isd": "island", "is": "islands", "isl": "islands", "st": "saint",
    "dem": "democratic", "democratica": "democratic", "democratique": "democratic", "demokratische": "democratic",
    "terr": "territory", "r": "republic", "rp": "republic", "peop": "people",
}  # fmt: skip

_DIRECTIONS = {"n": "north", "s": "south", "e": "east", "w": "west"}


@dataclass(frozen=True)
class Place:
    """What a label means.

    Parameters
    ----------
    code
        ISO alpha-3 of a present country, the source's own code of a former state or composite; None where the label is
        no partner or unknown.
    kind
        See the table above.
    story
        What it is, where it is no plain name or code of a present country.
    successors
        Present countries of its territory.
    seat
        The present country whose capital stands for it on the map.
    until
        Last year in which it was reported.
    name
        Of a former state or composite, as readers know it.
    """

    code: str | None
    kind: Kind
    story: str = ""
    successors: tuple[str, ...] = ()
    seat: str = ""
    until: int | None = None
    name: str = ""

    @property
    def rule(self) -> str | None:
        """Key of the rule of `harmonise.rules` that the label meets; None for a present country's own label."""
        return {
            "country": None, "renamed": "country.retired", "joined": "country.joined",
            "convention": "country.convention", "former": "country.former", "composite": "country.former",
            "total": "country.total", "unspecified": "country.unspecified", "ambiguous": "country.ambiguous",
            "unknown": "country.unknown",
        }[self.kind]  # fmt: skip


UNKNOWN = Place(None, "unknown")


@cache
def places() -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """Places of ``assets/codes/places.csv`` with their labels."""
    kinds = {"total", "unspecified", "ambiguous"}
    found = []
    for row in read_rows(asset("codes/places.csv")):
        kind: Kind = row["kind"]  # type: ignore[assignment]
        code = None if kind in kinds else row["code"]
        successors = tuple(row["successors"].split()) or ((row["code"],) if kind in PRESENT else ())
        own = (row["code"],) if kind in ("former", "composite") else ()
        labels = (*own, *filter(None, row["labels"].split("|")))
        until = int(row["until"]) if row["until"] else None
        found.append((Place(code, kind, row["story"], successors, row["seat"], until, row["name"]), labels))
    return tuple(found)


@cache
def _former_by_code() -> dict[str, Place]:
    return {str(p.code): p for p, _ in places() if p.kind in ("former", "composite")}


def former(code: str) -> Place | None:
    """A former state or composite by its own code; None for any other code."""
    return _former_by_code().get(code.upper())


def is_place(code: str) -> bool:
    """Whether a code is one of a present country, the rest of the world, a former state or a composite."""
    return is_known(code) or code in _former_by_code()


def seat_of(code: str) -> str:
    """The present country whose capital stands for a place on the map: its own, or the seat of a former state."""
    if is_known(code):
        return code
    place = read_place(code)
    return place.seat or place.code or code


@cache
def _labels() -> dict[str, Place]:
    """Places by plain text of everything they are called exactly: present countries' own labels come first."""
    import pycountry
    from babel import Locale

    labels: dict[str, Place] = {}

    def add(text: str, place: Place) -> None:
        labels.setdefault(plain_text(text), place)

    countries = {code: Place(code, "country") for code in country_names()}
    for country in pycountry.countries:
        for kind in ("alpha_3", "alpha_2", "numeric"):
            add(getattr(country, kind), countries[country.alpha_3])
        add(str(int(country.numeric)), countries[country.alpha_3])
    for code in country_names():
        add(code, countries[code])
    for number, code in COMTRADE_NUMBERS.items():
        add(number, countries[code])
    for place, texts in places():
        for text in texts:
            add(text, place)
            if text.isdigit():
                add(text.zfill(3), place)
    for row in read_rows(asset("codes/names.csv")):
        for text in row["names"].split("|"):
            add(text, countries[row["country"]])
    for code, name in country_names().items():
        add(name, countries[code])
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            if official := getattr(country, kind, None):
                add(str(official), countries[country.alpha_3])
    for language in _NAME_LANGUAGES:
        territories = Locale.parse(language).territories
        for country in pycountry.countries:
            if country.alpha_2 in territories:
                add(territories[country.alpha_2], countries[country.alpha_3])
    return labels


def place_labels() -> Mapping[str, Place]:
    """Every label that is read exactly, as plain text (`plain_text`), and what it means."""
    return _labels()


def _root(plain: str) -> str:
    """A name without words of a state's form, in alphabetical order; empty where little is left."""
    # R.D. and D.R. are democratic republics; a letter at either end is a direction (S. Sudan), which would else be left
    # out as an article.
    spelled = re.sub(
        r"\b(?:d p|p d)(?= r| rep| rp|$)|\b(?:r p d|d p rp|dp rp|r d|d r|d rep|d rp)\b", "democratic", plain
    )
    spelled = re.sub(
        r"^[nsew] |(?<!people)(?<!peoples) [nsew]$",
        lambda found: f" {_DIRECTIONS[found[0].strip()]} ",
        spelled,
    )
    words = (_ABBREVIATIONS.get(word, word) for word in spelled.split())
    kept = sorted({word for word in words if word not in _FILLERS})
    return " ".join(kept) if sum(map(len, kept)) >= 4 else ""


@cache
def _roots() -> dict[str, Place]:
    """Places by `_root`, where all labels with that root mean one place."""
    found: dict[str, set[Place]] = {}
    for plain, place in _labels().items():
        if place.kind in PARTNERS and len(plain) > 3 and (root := _root(plain)):
            found.setdefault(root, set()).add(place)
    return {root: next(iter(meant)) for root, meant in found.items() if len({p.code for p in meant}) == 1}


@cache
def read_place(text: str) -> Place:
    """What a label means: exactly, else by its parts set in another order, else without words of a state's form.

    Nothing is guessed by lookalike letters.

    Examples
    --------
    >>> [read_place(t).code for t in ("Alemania", "276", "ROM", "Corea (Sur)", "Tcheca, República", "UK", "842")]
    ['DEU', 'DEU', 'ROU', 'KOR', 'CZE', 'GBR', 'USA']
    >>> [read_place(t).kind for t in ("Fmr USSR", "World", "Areas, nes", "Wakanda")]
    ['former', 'total', 'unspecified', 'unknown']
    """
    bare = str(text).strip()[:120]
    if (exact := _labels().get(plain_text(bare))) is not None:
        return exact
    if _FOOTNOTE.search(bare):
        return read_place(_FOOTNOTE.sub("", bare))
    historic = bool(_HISTORIC.search(bare))
    bare = _HISTORIC.sub("", bare).strip() or bare
    plain = plain_text(bare)
    if not plain:
        return UNKNOWN
    words = plain.split()
    if historic or (len(words) > 1 and _FORMER_WORDS & {words[0], words[-1]}):
        rest = " ".join(word for word in words if word not in _FORMER_WORDS)
        for label in (f"fmr {rest}", plain, rest):
            if (found := _labels().get(label)) is not None:
                return found
    for label in _orders(bare, plain):
        if (found := _labels().get(label)) is not None:
            return found
    if plain.endswith(" nes") or "not elsewhere specified" in plain or _AREA_CODE.fullmatch(plain):
        return _labels()["areas nes"]
    if plain.isdigit() or len(plain) <= 3:
        return UNKNOWN
    if _TOTAL_WORDS.match(plain):
        return _labels()["european union" if plain.startswith(("extra", "intra")) else "world"]
    if (found := _roots().get(_root(plain))) is not None:
        return found
    return _by_parts(bare)


def _orders(bare: str, plain: str) -> Iterable[str]:
    """A label as it stands, letters of an abbreviation joined, and its parts in the other order."""
    yield plain
    if _ARTICLE.match(plain):
        yield _ARTICLE.sub("", plain, count=1)
    if all(len(word) == 1 for word in plain.split()):
        yield plain.replace(" ", "")
    if number := re.fullmatch(r"0*(\d+)(?:\.0+)?", bare):
        yield number[1]
    outer, inner = _brackets(bare)
    head, comma, tail = outer.partition(",")
    if comma and inner:
        yield plain_text(f"{tail} {head} {inner}")
        yield plain_text(f"{head} {inner}")
    elif comma:
        yield plain_text(f"{tail} {head}")
    if inner:
        yield plain_text(f"{inner} {outer}")


def _brackets(text: str) -> tuple[str, str]:
    """What stands before brackets and in them."""
    found = re.fullmatch(r"([^(\[]+)[(\[]([^)\]]*)[)\]]?(.*)", text)
    return (f"{found[1]} {found[3]}".strip(), found[2].strip()) if found else (text, "")


def _by_parts(bare: str) -> Place:
    """A name beside another of the same country, as in ``Países Bajos (Holanda)`` or ``Suiza / Switzerland``."""
    outer, inner = _brackets(bare)
    parts = [outer, inner] if inner else re.split(r"\s*[/;|]\s*|\s+-\s+", bare)
    if len(parts) < 2:
        return UNKNOWN
    # A second part that is unknown may tell another place of that name: it must be read too.
    read = {read_place(part) for part in parts}
    return next(iter(read)) if len(read) == 1 else UNKNOWN


def read_country(text: str) -> tuple[str | None, str | None]:
    """Code of a partner however it was written, and the rule that was needed (see `Place.rule`).

    Examples
    --------
    >>> read_country("Alemania"), read_country("ROM"), read_country("Wakanda")
    (('DEU', None), ('ROU', 'country.retired'), (None, 'country.unknown'))
    """
    place = read_place(text)
    return place.code, place.rule


def suggest(code: str) -> tuple[str, ...]:
    """Present countries that a label means: one, the successors of a former state, or none. Never lookalikes.

    Examples
    --------
    >>> suggest("ROM"), suggest("Germany"), suggest("CSK"), suggest("Polland")
    (('ROU',), ('DEU',), ('CZE', 'SVK'), ())
    """
    place = read_place(code)
    return (str(place.code),) if place.kind in PRESENT else place.successors


def explain_unknown(code: str) -> str:
    """One sentence on a label that is no present country's code: what it is, and what to use instead."""
    place, shown = read_place(code), repr(str(code).strip()[:40])
    story = place.story
    if place.kind == "country":
        return f"{shown} is not a country code. Did you mean {place.code}?"
    if place.kind in PRESENT:
        return f"{shown} is no present code ({story}): use {place.code}."
    if place.kind in ("former", "composite"):
        now = " or ".join(place.successors[:3]) + (" or another" if len(place.successors) > 3 else "")
        return f"{shown} is no present country ({story}): use {now}, or keep it as a label of your own."
    if place.kind == "total":
        return f"{shown} is {story}: a total is no partner; leave its rows out."
    if place.kind == "unspecified":
        return f"{shown} stands for {story}; leave its rows out, or add them to the rest of the world (ROW)."
    if place.kind == "ambiguous":
        return f"{shown} could be {' or '.join(map(place_name, place.successors))}: {story}. Write {' or '.join(place.successors)}."
    return f"{shown} is not a country code."


def is_world(label: str) -> bool:
    """Whether a label is the world as a whole, in any words."""
    return read_place(label) == _labels()["world"]


#: Codes that two states bore one after the other: the last year of the first, the first year of the second.
_ONE_AFTER_THE_OTHER = {"cs": (("CSK", 1992), ("SCG", 2003))}


def by_year(text: str) -> tuple[tuple[Place, int], tuple[Place, int]] | None:
    """For a code that two states bore: the first with its last year, the second with its first; None for any other label.

    Examples
    --------
    >>> [(place.code, year) for place, year in by_year("CS")]
    [('CSK', 1992), ('SCG', 2003)]
    """
    found = _ONE_AFTER_THE_OTHER.get(plain_text(text))
    if found is None:
        return None
    (first, last), (second, start) = found
    return (read_place(first), last), (read_place(second), start)


def read_place_in(text: str, year: int | None) -> Place:
    """What a label means in a year, where that is known.

    Examples
    --------
    >>> [read_place_in("CS", year).code for year in (1990, 1998, 2005, None)]
    ['CSK', None, 'SCG', None]
    """
    bore = by_year(text)
    if bore is None or year is None:
        return read_place(text)
    (first, last), (second, start) = bore
    return first if year <= last else second if year >= start else read_place(text)


def mended(code: str, year: int | None = None) -> tuple[str | None, str]:
    """What a label becomes where labels are mended, in a year where that is known, and a sentence on it: empty for a present country's own code.

    A code given up or a name becomes the present code; a state that is no more keeps its own; of a total and of a partner
    that is not told the rows are left out (None). An ambiguous or unknown label stays as it is, with why.
    """
    place, shown = read_place_in(code, year), str(code).strip()
    if is_known(shown.upper()):
        return shown.upper(), ""
    if place.kind in PRESENT:
        why = f" ({place.story})" if place.story else ""
        return place.code, f"Country code {shown} read as {place.code}{why}."
    if place.kind in ("former", "composite"):
        return place.code, f"{shown} kept apart as {place.code}: {place.story}."
    if place.kind in ("total", "unspecified"):
        return None, f"{shown} stands for {place.story}: its rows are left out."
    return shown, explain_unknown(shown)


def place_name(code: str) -> str:
    """Plain name of a present country, a former state or a composite; the code itself where it is unknown."""
    if code in country_names():
        return country_names()[code]
    place = former(code)
    return (place.name if place is not None else "") or code


def territory_notes(codes: Iterable[str], year: int) -> tuple[str, ...]:
    """Sentences on codes that stood for another territory in a year, and on places that were no more."""
    met = set(codes)
    notes = [
        f"{row['story']}."
        for row in read_rows(asset("codes/territories.csv"))
        if row["country"] in met and year <= int(row["until"])
    ]
    for code in sorted(met & set(_former_by_code())):
        place = _former_by_code()[code]
        late = (
            f" It is reported in {year}, after that."
            if place.until is not None and year > place.until
            else ""
        )
        notes.append(f"{place_name(code)} ({code}) is kept apart under its own code: {place.story}.{late}")
    return tuple(notes)
