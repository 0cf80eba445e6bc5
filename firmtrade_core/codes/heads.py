"""Money in heads of columns: `sales_thousand_usd`, `wages_keur`, `Sales (million CLP)`, read into scale and currency."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from firmtrade_core.codes.currencies import currency_codes, read_currency

#: Words for how many, without accents, in the languages of statistical offices. "mil" is left out: a thousand in
#: Spanish and Portuguese, a million in many English tables.
_SCALE_WORDS = {
    1e3: "thousand thousands thous tsd tausend k th miles mille milliers milhares thsd 000 1000 x1000 1e3 mila",
    1e6: "million millions mio mln mn mm millones milhoes millionen milione milioni mill millon m 1000000 1e6 mllns",
    1e9: "billion billions bn bln mrd mia milliard milliards milliarden bilhoes 1e9",
    1e12: "trillion trillions trn billones bio",
}
SCALE_WORDS = {word: size for size, words in _SCALE_WORDS.items() for word in words.split()}

#: Letters that stand close to a currency's code or sign: keur, TEUR, USDm, US$bn.
_BEFORE = {"k": 1e3, "t": 1e3, "tsd": 1e3, "th": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "mln": 1e6, "mm": 1e6, "bn": 1e9, "mrd": 1e9}  # fmt: skip
_AFTER = {"k": 1e3, "000": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "mln": 1e6, "mm": 1e6, "b": 1e9, "bn": 1e9}

#: Codes of currencies that are words too: they count only beside a scale, in brackets or in capitals.
_ALSO_WORDS = frozenset("all amd ang cup fim gel lak mad mop mur nad pen ron sos top try".split())  # noqa: SIM905

#: Words between a name and its unit, and words on prices that say nothing of scale.
_FILLERS = frozenset({"in", "en", "em", "of", "de", "des", "x"})
_PRICES = frozenset({"current", "constant", "nominal", "real", "prices", "price", "precios", "corrientes"})

_SIGNS = {"US$": "USD", "€": "EUR", "£": "GBP", "R$": "BRL", "₹": "INR", "₩": "KRW"}

#: Words for currencies that a country's own tables use; which one it is, the country tells.
_OWN_WORDS = frozenset("peso pesos dollar dollars franc francs krone kroner dinar dinars rupee rupees pound pounds lira soles".split())  # noqa: SIM905 # fmt: skip


@dataclass(frozen=True)
class MoneyHead:
    """What a head says of its column's money.

    Parameters
    ----------
    name
        The head without its unit, words parted by underscores: ``sales``.
    size
        Of one in the column, in units of the currency: 1000 for thousands.
    currency
        ISO 4217 code; None where the head tells the scale alone.
    told
        The unit as it was read, in words: ``thousand USD``.
    """

    name: str
    size: float
    currency: str | None
    told: str


def read_money_head(head: str) -> MoneyHead | None:
    """Scale and currency that a head names; None where it names neither.

    Examples
    --------
    >>> read_money_head("sales_thousand_usd")
    MoneyHead(name='sales', size=1000.0, currency='USD', told='thousand USD')
    >>> read_money_head("Sales (million CLP)").size, read_money_head("wages_keur").currency
    (1000000.0, 'EUR')
    >>> read_money_head("sales") is None and read_money_head("firm size") is None
    True
    """
    bracketed = " ".join(re.findall(r"[\[(]([^\])]*)[\])]", head))
    outside = re.sub(r"[\[(][^\])]*[\])]", " ", head)
    if bracketed and (found := _read(_words(bracketed), loose=True)) is not None and not found[0]:
        return _head(_words(outside), found[1], found[2])
    words = _words(head)
    found = _read(words, loose=False)
    return None if found is None else _head(found[0], found[1], found[2])


def read_money(text: str) -> MoneyHead | None:
    """Scale and currency of a text that says nothing else: ``thousand pesos, constant prices`` has no currency told."""
    found = _read(_words(text), loose=True)
    return None if found is None or found[0] else _head([], found[1], found[2])


def scale_words(size: float) -> str:
    """A scale in words: ``thousand`` of 1000; empty of 1."""
    return {1.0: "", 1e3: "thousand", 1e6: "million", 1e9: "billion", 1e12: "trillion"}[size]


def _head(name: list[str], size: float, currency: str | None) -> MoneyHead:
    told = f"{scale_words(size)} {currency or ''}".strip()
    return MoneyHead("_".join(word.casefold() for word in name), size, currency, told)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    # salesThousandUSD as sales_thousand_usd; 000USD as one word stays.
    plain = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z]{3}(?:$|[^A-Za-z]))", " ", plain)
    return [word for word in re.split(r"[\s_,;:/'’`´\-.|]+", plain) if word.strip("()[]")]


def _read(words: list[str], *, loose: bool) -> tuple[list[str], float, str | None] | None:
    """Unit at the end of the words (or at their beginning, as ``usd_sales``): what is left, scale, currency."""
    for backwards in (True, False):
        rest = [word.strip("()[]") for word in words]
        size, seen, prices = 1.0, 0, False
        currency: str | None = None
        while rest:
            word = rest[-1] if backwards else rest[0]
            found = _unit_word(word, loose=loose or seen > 0 or _beside_scale(rest, backwards))
            if found is None:
                if word.casefold() in _PRICES or ((seen or prices) and re.fullmatch(r"(19|20)\d\d", word)):
                    prices = True
                elif not (seen and word.casefold() in _FILLERS):
                    break
            else:
                size *= found[0]
                if found[1] and currency and found[1] != currency:
                    break
                currency = found[1] or currency
                seen += 1
            rest = rest[:-1] if backwards else rest[1:]
        if seen and (rest or loose) and (currency or size != 1.0):
            return rest, size, currency
    return None


def _beside_scale(rest: list[str], backwards: bool) -> bool:
    beside = rest[-2:-1] if backwards else rest[1:2]
    return bool(beside) and beside[0].casefold() in SCALE_WORDS


def _unit_word(word: str, *, loose: bool) -> tuple[float, str | None] | None:
    """Scale and currency of one word; loose where its neighbours show that it is a unit."""
    for sign, meant in _SIGNS.items():
        if sign in word.upper():
            rest = word.upper().replace(sign, "").casefold()
            if rest == "" or rest in SCALE_WORDS or rest in _AFTER:
                return (SCALE_WORDS.get(rest) or _AFTER.get(rest) or 1.0), meant
    plain = word.casefold()
    if plain in SCALE_WORDS:
        return SCALE_WORDS[plain], None
    if plain in _OWN_WORDS:
        return (1.0, None) if loose else None
    if (code := _currency(word, loose=loose)) is not None:
        return 1.0, code
    match = re.fullmatch(
        r"(k|tsd|th|t|mio|mln|mm|mn|m|bn|mrd)?([a-z]{3})(000|k|mio|mln|mm|mn|m|bn|b)?", plain
    )
    if match and (match[1] or match[3]) and match[2].upper() in currency_codes():
        # tall, mall, ball: words too.
        if match[2] in _ALSO_WORDS and not word.isupper():
            return None
        return _BEFORE.get(match[1] or "", 1.0) * _AFTER.get(match[3] or "", 1.0), match[2].upper()
    return None


def _currency(word: str, *, loose: bool) -> str | None:
    code = read_currency(word)
    if code is None:
        return None
    plain = word.casefold()
    return code if loose or plain not in _ALSO_WORDS or word.isupper() else None
