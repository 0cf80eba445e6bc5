"""Groups of countries that policies are written for.

From country_converter where it has them (EU, OECD, G7, G20, APEC). The others are our own table of members:
ASEAN (2025, with Timor-Leste), Mercosur (2024, Bolivia in, Venezuela suspended), CPTPP (2024, with the United
Kingdom), RCEP (2022), AfCFTA (signatories, 2024: the African Union without Eritrea), BRICS (2025), USMCA (2020), EFTA,
GCC, and the World Bank's income groups of its fiscal year 2025 (July 2024).
"""

from __future__ import annotations

from functools import cache

from firmtrade_core.codes.countries import country_names
from firmtrade_core.codes.iso import plain_text

#: Groups that country_converter knows, by the name of its column.
CONVERTER_GROUPS = {"EU": "EU27", "OECD": "OECD", "G7": "G7", "G20": "G20", "APEC": "APEC"}

GROUP_LABELS = {
    "EU": "European Union (27)",
    "EFTA": "European Free Trade Association",
    "USMCA": "United States-Mexico-Canada Agreement",
    "MERCOSUR": "Mercosur",
    "CPTPP": "Trans-Pacific Partnership (CPTPP)",
    "RCEP": "Regional Comprehensive Economic Partnership",
    "ASEAN": "ASEAN",
    "APEC": "Asia-Pacific Economic Cooperation",
    "GCC": "Gulf Cooperation Council",
    "AFCFTA": "African Continental Free Trade Area",
    "BRICS": "BRICS",
    "G7": "G7",
    "G20": "G20",
    "OECD": "OECD",
    "HIGH_INCOME": "High-income economies",
    "UPPER_MIDDLE_INCOME": "Upper-middle-income economies",
    "LOWER_MIDDLE_INCOME": "Lower-middle-income economies",
    "LOW_INCOME": "Low-income economies",
}

_ASEAN = "BRN IDN KHM LAO MMR MYS PHL SGP THA TLS VNM"

OWN_GROUPS = {
    "ASEAN": _ASEAN,
    "EFTA": "CHE ISL LIE NOR",
    "USMCA": "CAN MEX USA",
    "MERCOSUR": "ARG BOL BRA PRY URY",
    "CPTPP": "AUS BRN CAN CHL GBR JPN MEX MYS NZL PER SGP VNM",
    "RCEP": "AUS BRN CHN IDN JPN KHM KOR LAO MMR MYS NZL PHL SGP THA VNM",
    "GCC": "ARE BHR KWT OMN QAT SAU",
    "BRICS": "ARE BRA CHN EGY ETH IDN IND IRN RUS ZAF",
    "AFCFTA": (
        "AGO BDI BEN BFA BWA CAF CIV CMR COD COG COM CPV DJI DZA EGY ESH ETH GAB GHA GIN GMB GNB GNQ KEN LBR LBY LSO "
        "MAR MDG MLI MOZ MRT MUS MWI NAM NER NGA RWA SDN SEN SLE SOM SSD STP SWZ SYC TCD TGO TUN TZA UGA ZAF ZMB ZWE"
    ),
    "HIGH_INCOME": (
        "ABW AND ARE ASM ATG AUS AUT BEL BGR BHR BHS BMU BRB BRN CAN CHE CHL CUW CYM CYP CZE DEU DNK ESP EST FIN FRA "
        "FRO GBR GIB GRC GRL GUM GUY HKG HRV HUN IMN IRL ISL ISR ITA JPN KNA KOR KWT LIE LTU LUX LVA MAC MAF MCO MLT "
        "MNP NCL NLD NOR NRU NZL OMN PAN PLW POL PRI PRT PYF QAT ROU RUS SAU SGP SMR SVK SVN SWE SXM SYC TCA TTO TWN "
        "URY USA VGB VIR"
    ),
    "UPPER_MIDDLE_INCOME": (
        "ALB ARG ARM AZE BIH BLR BLZ BRA BWA CHN COL CRI CUB DMA DOM DZA ECU FJI GAB GEO GNQ GRD GTM IDN IRN IRQ JAM "
        "KAZ LBY LCA MDA MDV MEX MHL MKD MNE MNG MUS MYS NAM PER PRY SLV SRB SUR THA TKM TON TUR TUV UKR VCT XKX "
        "ZAF"
    ),
    "LOWER_MIDDLE_INCOME": (
        "AGO BEN BGD BOL BTN CIV CMR COG COM CPV DJI EGY FSM GHA GIN HND HTI IND JOR KEN KGZ KHM KIR LAO LBN LKA LSO "
        "MAR MMR MRT NGA NIC NPL PAK PHL PNG PSE SEN SLB STP SWZ TJK TLS TUN TZA UZB VNM VUT WSM ZMB ZWE"
    ),
    "LOW_INCOME": (
        "AFG BDI BFA CAF COD ERI ETH GMB GNB LBR MDG MLI MOZ MWI NER PRK RWA SDN SLE SOM SSD SYR TCD TGO UGA YEM"
    ),
}


def group_names() -> tuple[str, ...]:
    """Keys of all groups, in the order in which lists show them."""
    return tuple(GROUP_LABELS)


def group_label(name: str) -> str:
    """What a group is called on screen."""
    return GROUP_LABELS[_key(name)]


def group_of(name: str) -> str | None:
    """Key of the group that a text names, by key, label or customary name in any case; None where it names none.

    Examples
    --------
    >>> group_of("eu"), group_of("European Union"), group_of("UE"), group_of("Europe")
    ('EU', 'EU', 'EU', None)
    """
    return _by_name().get(plain_text(str(name)))


@cache
def _by_name() -> dict[str, str]:
    names = {plain_text(name): key for key, others in _CUSTOMARY.items() for name in others.split("|")}
    for key, label in GROUP_LABELS.items():
        names |= {plain_text(key): key, plain_text(label): key, plain_text(label.split(" (")[0]): key}
    return names


#: What groups are called besides their keys and labels.
_CUSTOMARY = {
    "EU": "EU27|EU-27|EU27_2020|UE|UE27|EUN|European Union 27|Unión Europea|Union européenne|União Europeia|Europäische Union",
    "EFTA": "AELC|AELE", "USMCA": "NAFTA|T-MEC|TMEC|CUSMA|TLCAN|ALENA", "MERCOSUR": "Mercosul|Southern Common Market",
    "AFCFTA": "ZLECAf", "OECD": "OCDE", "GCC": "Gulf states",
}  # fmt: skip


def group_members(name: str) -> tuple[str, ...]:
    """Codes of a group's members, sorted; the name in any case.

    Raises
    ------
    KeyError
        Naming the groups there are.
    """
    return _members(_key(name))


def _key(name: str) -> str:
    key = group_of(name)
    if key is None:
        raise KeyError(f"There is no group {str(name)[:40]!r}. Choose {' or '.join(GROUP_LABELS)}.")
    return key


@cache
def _members(key: str) -> tuple[str, ...]:
    if key in OWN_GROUPS:
        return tuple(sorted(OWN_GROUPS[key].split()))
    import country_converter

    table = country_converter.CountryConverter().data
    codes = table.loc[table[CONVERTER_GROUPS[key]].notna(), "ISO3"]
    return tuple(sorted(code for code in codes if code in country_names()))
