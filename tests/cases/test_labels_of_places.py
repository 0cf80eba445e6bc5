"""Labels: what a label of a partner means, wherever it comes from (cases 01, 04, 09, 22, 23, 25 and more of the kind)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from firmtrade_core.codes import places
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.iso import is_known
from firmtrade_core.codes.place_lists import NUMBER_LISTS, number_list, numbers_of, other_list
from firmtrade_core.codes.places import explain_unknown, read_place, suggest

#: Labels as publishers, customs offices and spreadsheets write them; "" is no partner, or one that is not told.
MEANT = """
Korea, Rep.|KOR
Korea, Dem. People's Rep.|PRK
Korea, Dem. Rep.|PRK
Rep. of Korea|KOR
Dem. People's Rep. of Korea|PRK
Iran, Islamic Rep.|IRN
Iran (Islamic Republic of)|IRN
Egypt, Arab Rep.|EGY
Yemen, Rep.|YEM
Yemen, Dem.|YMD
Micronesia, Fed. Sts.|FSM
Hong Kong SAR, China|HKG
China (Hong Kong)|HKG
China, Hong Kong SAR|HKG
Venezuela, RB|VEN
Venezuela (Bolivarian Republic of)|VEN
VENEZUELA (REPUBLICA BOLIVARIANA DE)|VEN
Congo, Dem. Rep.|COD
Congo, Rep.|COG
Congo|COG
Lao PDR|LAO
Lao People's Dem. Rep.|LAO
Slovak Republic|SVK
Bahamas, The|BHS
Gambia, The|GMB
St. Lucia|LCA
Holland|NLD
Poland|POL
UK|GBR
uk|GBR
EL|GRC
XK|XKX
XS|SRB
NA|NAM
SU|SUN
Channel Islands|CIX
Fmr USSR|SUN
USSR (...1990)|SUN
Czechoslovakia (...1992)|CSK
Czechoslovakia|CSK
Checoslovaquia|CSK
Belgium-Luxembourg (...1998)|BLX
Sudan (...2011)|SUD
Sudan|SDN
Fmr Sudan|SUD
Serbia and Montenegro (...2005)|SCG
Yugoslavia: SFR (...1991)|YUG
Ethiopia (...1992)|ETX
India (...1974)|IND
Neth. Antilles and Aruba (...1985)|AN1
Fed. Rep. of Germany (...1990)|DEU
Dem. Rep. of Germany (...1990)|DDR
Rep. of Vietnam (...1974)|VNS
Dem. Rep. of Vietnam (...1974)|VDR
Dem. Yemen (...1990)|YMD
Arab Rep. of Yemen (...1990)|YAR
Pacific Isds (...1991)|PCI
Southern African Customs Union (...1999)|ZA1
USA and Puerto Rico (...1980)|USA
East and West Pakistan (...1971)|PKX
Saint Kitts, Nevis and Anguilla (...1980)|KN1
Panama, excl. Canal Zone (...1977)|PNX
Other Asia, nes|TWN
Europe EFTA, nes|
Areas, nes|
World|
WLD|
0|
97|
EU|
EU27_2020|
E19|
S19|TWN
842|USA
251.0|FRA
058|BLX
530|ANT
532|AN1
890|YUG
891|SCG
736|SUD
711|ZA1
810|SUN
868|VNS
200|CSK
579|NOR
381|ITA
4|AFG
004|AFG
032|ARG
CS|
Alemania, República Federal de|DEU
República Federal de Alemania|DEU
ALEMANIA FEDERAL|DEU
Deutschland|DEU
Bundesrepublik Deutschland|DEU
ESTADOS UNIDOS DE AMERICA|USA
EE.UU.|USA
EEUU|USA
E.U.A.|USA
États-Unis|USA
ETATS UNIS|USA
Etats-Unis d'Amérique|USA
Vereinigte Staaten|USA
Países Baixos (Holanda)|NLD
PAISES BAJOS|NLD
República Checa|CZE
Corea (Sur)|KOR
COREA DEL SUR|KOR
Corea del Norte|PRK
Cingapura|SGP
Wakanda|
Niger|NER
Nigeria|NGA
Austria|AUT
Australia|AUS
Austrlia|
Guinea|GIN
Guinea Ecuatorial|GNQ
Guinea Bissau|GNB
GUINEA, ECUATORIAL|GNQ
Papua New Guinea|PNG
Georgia|GEO
Rusia|RUS
FEDERACION DE RUSIA|RUS
Russian Federation|RUS
Gran Bretaña|GBR
INGLATERRA|GBR
Great Britain|GBR
England|GBR
Burma|MMR
Zaire|COD
Swaziland|SWZ
Macedonia, FYR|MKD
Türkiye|TUR
Turkey|TUR
Côte d'Ivoire|CIV
COTE D'IVOIRE|CIV
Ivory Coast|CIV
Cape Verde|CPV
Tchéquie|CZE
la France|FRA
El Salvador|SLV
Los Estados Unidos|USA
Die Schweiz|CHE
Les Pays-Bas|NLD
The Netherlands|NLD
Republic of China|TWN
Taiwan, Province of China|TWN
China, People's Republic of|CHN
Chinese Taipei|TWN
Bolivia (Estado Plurinacional de)|BOL
Tanzania, United Republic of|TZA
Moldova, Republic of|MDA
Macao|MAC
Palestinian Territory, Occupied|PSE
Virgin Islands, U.S.|VIR
Irlanda del Norte|GBR
Ireland|IRL
Dominica|DMA
Dominican Republic|DOM
Republica Dominicana|DOM
Samoa|WSM
American Samoa|ASM
Timor-Leste|TLS
Kosovo|XKX
Rest of the World|ROW
ROW|ROW
GER|DEU
BLX|BLX
DDR|DDR
YUG|YUG
TOTAL|
Mundo|
Zona Franca|
Otros|
Terras Austrais Francesas|ATF
Saint Martin (French part)|MAF
Sint Maarten (Dutch part)|SXM
Viet Nam|VNM
Mexico|MEX
Méjico|MEX
New Mexico|
South Georgia|
West Indies|
North Macedonia|MKD
Jersey|JEY
New Jersey|
Canal, Ilhas do (Jersey)|JEY
Channel Islands (Jersey)|
Unión Europea|
United States Virgin Islands|VIR
US Virgin Isds|VIR
US Misc. Pacific Isds|UMI
South Yemen|YMD
Federal Republic of Yugoslavia|YUG
Former Yugoslavia|YUG
Ex-Yugoslavia|YUG
Ex URSS|SUN
República Socialista de Vietnam|VNM
Northern Cyprus|
South Africa|ZAF
Central Africa|
Micronesia|FSM
Republic of the Congo|COG
Antigua|ATG
Saint-Barthélemy|BLM
Reunion|REU
Faroe Islands|FRO
Federated States of Micronesia|FSM
UAE|ARE
Emiratos Arabes Unidos|ARE
United Arab Emirates|ARE
Pays-Bas|NLD
Corée du Sud|KOR
Rép. tchèque|CZE
R.D. Congo|COD
Russie (Fédération de)|RUS
Fédération Russe|RUS
Birmanie|MMR
Ex-Yougoslavie|YUG
Großbritannien|GBR
Weißrussland|BLR
Elfenbeinküste|CIV
Korea, Republik|KOR
Russische Föderation|RUS
Vereinigte Arab. Emirate|ARE
Coréia do Sul|KOR
Corea, Rep. Pop. Dem.|PRK
Tanzania, Rep. Unida de|TZA
Congo, Rep. Dem. del|COD
Allemagne (RFA)|DEU
Allemagne (RDA)|DDR
Union des Républiques Socialistes Soviétiques|SUN
Tchécoslovaquie|CSK
Niederländische Antillen|ANT
Serbien und Montenegro|SCG
Belgique et Luxembourg|BLX
Formose|TWN
Yemen (Norte)|YAR
CHN - China|CHN
276 - Germany|DEU
Somaliland|
China, P.R.: Mainland|CHN
China, P.R.: Hong Kong|HKG
Serbia, Republic of|SRB
St. Vincent & Grens.|VCT
Yemen, P.D. Rep.|YMD
Eastern Germany|DDR
ALEMANIA (R.D.)|DDR
ALEMANIA (R.F.)|DEU
R.D. Alemana|DDR
Belgo-Luxembourg|BLX
YUGOESLAVIA|YUG
Advanced Economies|
Middle East & North Africa|
Latin America & Caribbean (excluding high income)|
Upper middle income|
Least developed countries: UN classification|
Countries & areas not specified|
COMBUSTIBLES Y LUBRICANTES|
Nicht ermittelte Länder und Gebiete|
Schiffs- und Luftfahrzeugbedarf|
Drittländer|
Provisions de bord|
Mayotte (Overseas France)|MYT
Corée (rép. populaire démocratique de)|PRK
Ex-République yougoslave de Macédoine|MKD
Ceylan|LKA
THE CONGO|COG
Les Philippines|PHL
El Líbano|LBN
Germany*|DEU
Germany 1/|DEU
Germany (1)|DEU
Germany¹|DEU
Côte d’Ivoire²|CIV
DE: Germany|DEU
Georgia (USA)|
Denmark and Faroe Islands|
"""


@pytest.mark.parametrize("line", [line for line in MEANT.splitlines() if line])
def test_a_label_means(line: str) -> None:
    text, _, code = line.partition("|")
    assert (read_place(text).code or "") == code


def test_a_ministry_s_list_of_names_in_three_languages() -> None:
    """Brazil's list of partners (MDIC, PAIS.csv, open data): every name means the country that the ministry gives it.

    Three differ by a rule: states that are no more are kept apart, Jersey is Jersey, the trust territory of the Pacific is.
    """
    apart = {"025": "DDR", "152": "JEY", "388": "YUG", "569": "PCI"}
    with (Path(__file__).parent / "brazil_names.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="|"))
    assert len(rows) > 270
    for row in rows:
        meant = apart.get(row["number"], "" if row["country"] == "ZZZ" else row["country"])
        for language in ("portuguese", "english", "spanish"):
            assert (read_place(row[language]).code or "") == meant, row


@pytest.mark.parametrize(
    "text", ["Austrlia", "Polland", "Wakanda", "ABC", "Nigera", "New Jersey", "QQQ", "12a"]
)
def test_letters_that_look_alike_are_no_advice(text: str) -> None:
    assert suggest(text) == () and "Did you mean" not in explain_unknown(text)


def test_every_label_of_the_list_says_what_it_is() -> None:
    for place, labels in places.places():
        for label in labels:
            said = explain_unknown(label)
            assert place.story in said or place.kind == "country", label
    assert country_name("SUN") == "Soviet Union" and not is_known("SUN") and places.is_place("SUN")


def test_codes_that_meant_another_territory_are_said_by_year() -> None:
    assert "West Germany" in " ".join(places.territory_notes(("DEU", "FRA", "SUN"), 1988))
    assert places.territory_notes(("DEU", "FRA"), 2020) == ()
    assert "after that" in " ".join(places.territory_notes(("BLX",), 2010))


def test_numbers_of_other_lists_are_told_from_iso_s() -> None:
    for name in NUMBER_LISTS:
        codes = list(number_list(name))
        found, other = numbers_of(codes), other_list(codes)
        assert other is not None and f"({name})" in other.sentence
        if any(map(str.isdigit, codes)):
            assert found.is_other_list and next(iter(found.fits)) == name
    iso = numbers_of(str(n) for n in ("276", "842", "490", "004", "32", "97", "899", "58"))
    assert not iso.is_other_list and iso.comtrade


@pytest.mark.parametrize(
    ("codes", "letters"),
    [
        # Gambia, Switzerland, Eswatini and Australia to ISO; Germany, China, Switzerland and Austria to FIPS 10-4.
        (["GM", "CH", "SZ", "AU", "JA", "SP", "SW", "UP"], 2),
        # Eswatini and Australia to ISO; Switzerland and Austria to the Correlates of War.
        (["USA", "UKG", "FRN", "GMY", "AUS", "SWZ"], 3),
        (["GER", "SUI", "NED", "DEN", "POR", "USA"], 3),
        (["DEU", "FRA", "ROM", "ZAR", "YUG", "WLD", "XYZ"], None),
        (["DE", "EL", "UK", "XK", "QW"], None),
        (["DEU", "SUI"], None),
    ],
)
def test_letters_of_other_lists_are_told_from_iso_s(codes: list[str], letters: int | None) -> None:
    found = other_list(codes)
    assert (found and found.letters) == letters
    if found is not None:
        assert all(map(found.holds, codes)) and not found.holds("Germany")


# The same list at other doors --------------------------------------------------------------------------


def test_case_01_letters_that_are_none_are_no_country() -> None:
    from customs_lines import load, shared

    from firmtrade_core.world.tables import read_table

    path = shared("01_baci_na_is_taiwan/BACI_HS17_Y2019_V202102.csv")
    beside = {name: read_table(path.parent / f"{name}.csv") for name in ("output", "concordance")}
    world = load("baci", path, **beside)
    trade = world.expenditure.sum(2)
    at = {c: i for i, c in enumerate(world.countries)}
    assert (trade[at["DEU"], at["TWN"]], trade[at["TWN"], at["DEU"]]) == (200, 100)
    assert any("12 % of its value" in change for change in world.provenance.changes)


def test_case_04_states_that_are_no_more_stay_apart() -> None:
    from customs_lines import load, shared

    world = load("itpd-e", shared("04_itpde_dissolved/ITPD_E_R02.csv"))
    assert world.countries == ("DDR", "DEU", "FRA", "SUN")
    trade = world.expenditure.sum(2)
    at = {c: i for i, c in enumerate(world.countries)}
    assert trade[at["DEU"], at["DEU"]] == 1000 and trade[at["DDR"], at["DEU"]] == 40
    said = " ".join(world.provenance.changes)
    assert (
        "East Germany (DDR) is kept apart" in said and "Soviet Union (SUN)" in said and "West Germany" in said
    )


def test_codes_given_up_are_said_by_a_loader(tmp_path: Path) -> None:
    from customs_lines import load

    head = (
        "exporter_iso3,importer_iso3,year,industry_id,industry_descr,broad_sector,trade,flag_mirror,flag_zero"
    )
    rows = [
        f"{o},{d},1995,1,Wheat,Agriculture,{10 if o == d else 1},0,p"
        for o in ("ROM", "ZAR", "YUG")
        for d in ("ROM", "ZAR", "YUG")
    ]
    path = tmp_path / "ITPD_E_R02.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    world = load("itpd-e", path)
    assert world.countries == ("COD", "ROU", "YUG")
    said = " ".join(world.provenance.changes)
    assert "ROM as ROU, ZAR as COD" in said and "Yugoslavia (YUG) is kept apart" in said


def test_case_16_the_year_is_not_the_edition_s() -> None:
    from customs_lines import load, shared

    assert load("oecd-icio", shared("16_icio_year/ICIO2018_2010.csv")).provenance.year == 2010


def test_case_23_numbers_and_letters_of_the_united_nations(tmp_path: Path) -> None:
    from customs_lines import read, shared

    found = read(shared("23_comtrade_numbers/exports.csv"), tmp_path / "w")
    assert found.column("country") == ["USA", "FRA", "IND", "CHE", "NOR", "TWN", "TWN", "ITA", "DEU"]


def test_case_25_words_of_customs(tmp_path: Path) -> None:
    from customs_lines import read, shared

    found = read(shared("25_words_of_customs/exports.csv"), tmp_path / "w")
    assert found.column("country") == ["DEU", "DEU", "USA", "NLD", "CZE", "KOR", "SGP", "DEU"]
    assert set(found.column("flow")) == {"export"} and "unit.unknown" not in found.rules
    assert found.column("quantity")[1] == 10 and found.column("quantity")[7] == 10_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Importações", "import"), ("EXPORTACION DEFINITIVA", "export"), ("Einfuhr", "import"), ("Ausfuhren", "export"),
        ("Importation", "import"), ("Salidas", "export"), ("General imports", "import"), ("2", "export"), ("M", "import"),
        ("RX", "flow.reexport"), ("Reexportación", "flow.reexport"), ("Re-Import", "flow.reexport"),
        ("import/export", "flow.unknown"), ("tránsito", "flow.unknown"),
    ],
)  # fmt: skip
def test_words_for_flows(tmp_path: Path, text: str, meant: str) -> None:
    from customs_lines import column

    assert column(tmp_path, "flow", [text]).column("flow") == [meant]


@pytest.mark.parametrize(
    ("text", "base", "size"),
    [
        ("NUMERO (UNIDADE)", "item", 1), ("1000 L", "litre", 1000), ("TONELADA METRICA LIQUIDA", "kg", 1000),
        ("Metros cúbicos", "cubic metre", 1), ("kg (kilogramos)", "kg", 1), ("MEGAWATT HORA", "kWh", 1000), ("p/st", "item", 1),
        ("mil unidades", "item", 1000), ("Dutzend", "item", 12), ("m²", "square metre", 1), ("GRAMA LIQUIDO", "kg", 1e-3),
    ],
)  # fmt: skip
def test_words_for_units(text: str, base: str, size: float) -> None:
    from firmtrade_core.codes.units import read_unit

    found = read_unit(text)
    assert found is not None and (found.base, found.size) == (base, size)
