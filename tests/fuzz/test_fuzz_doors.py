"""No door answers hostile input with a traceback, or takes altered content for its own; past failures stay mended."""

from __future__ import annotations

import pytest

from benchmarks.fuzz.campaign import judge, mutated
from benchmarks.fuzz.doors import REFUSALS, doors

DOORS = sorted(doors())

#: What broke doors once, found by campaigns: door and what was sent.
CORPUS = [
    ("address", "present=²".encode()),
    ("address", b"present=%C2%B2&s=nonsense"),
    ("address", b"&".join(b"p%d=1" % i for i in range(40))),
    ("address", b"\xff\xfe=%ff&map=%00"),
    ("link", b""),
    ("link", b"1."),
    ("link", b"9999.AAAA"),
    ("population", "sector,size,firms\nmetals,1-9,12°\n".encode()),
    ("population", b"sector,size,firms\nmetals,1-9,\n"),
    ("schedule", "exporter,importer,product,rate\nCHN,USA,metals,²\n".encode()),
    ("scenario", b"cards: [{kind: tariff, value: .inf}]"),
    ("scenario", "name: ²\ncards: []\n".encode()),
    ("programme", b"cards: [{kind: programme, policy: research, intensity: 1e300, effect: {capability: 5}}]"),
    ("offer-weights", b"hs,exporter,importer,trade\n740311,CHL,USA,500\n0808101e309,CHN,USA,20\n"),
    ("forecast-data", b"partner,before,after\n,100,80\nGermany,50,55\nMEX,40,41\nCAN,30,31\n"),
    ("forecast-data", b"partner,before,after\nCHN,inf,80\nGermany,50,55\nMEX,40,41\nCAN,30,31\n"),
    (
        "years-table",
        b"exporter,importer,secto,expenditure_musd,tariff,year\nA,A,x,1,0,2018\nA,B,x,1,0,2018\n",
    ),
    (
        "years-table",
        b"exporter,importer,sector,expenditure_musd,tariff,year\nA,A,x,1,0,1e300\nA,B,x,1,0,2018\n",
    ),
    ("customs-head", b""),
    ("customs-head", b"\t"),
    ("register", b"firm,year,sector,employmenUSUSAsales_usd\n76127456-0,2019,metals,12(12"),
    ("concordance", b"HS 2017 Product Code,ISIC Revision 3 Product Code,weight\n020110,1511,weigh\n"),
    ("concordance", b"q"),
    ("country-list", b"q"),
    ("country-list", b"code,country\r158,CHL\n249,\rUSA\n"),
    ("elasticity-set", b"# set: \xd9\n"),
    ("effects", b"\xff{}"),
    ("forecast-file", b'{"name": "Plan", "entered": "20;6-01-05"}'),
    ("forecast-file", b"7"),
    ("baci", b"t,i,j,k,v,q\n2019,276,392,870323,5,1\n2019,,276,870323,4,1\n"),
    ("baci", "t,i,j,k,v,q\n2019,276, ٣      1,870323,5,1\n".encode()),
    ("icio-2016", b",C01T05AGR_DEU\nDEU_C01T05AGR,1\n,2\n"),
    ("figaro", b"row,AT_A01\nAT_A01,1\n,2\n"),
    (
        "table-csv",
        b"exporter,importer,sector,value,tariff\nA,A,x,1,True\nA,B,x,1,False\nB,A,x,1,False\nB,B,x,1,True\n",
    ),
]


@pytest.mark.parametrize("name", DOORS)
def test_valid_input_is_taken(name: str) -> None:
    for seed in doors()[name].seeds:
        assert judge(doors()[name], seed) is None
        doors()[name].enter(seed)


@pytest.mark.parametrize(("name", "sent"), CORPUS)
def test_past_failures_stay_mended(name: str, sent: bytes) -> None:
    assert judge(doors()[name], sent) is None


@pytest.mark.parametrize("name", DOORS)
def test_a_small_campaign_finds_nothing(name: str) -> None:
    door = doors()[name]
    # Customs files pass a database: a third of a second each.
    found = [judge(door, mutated(door, f"test/{name}/{k}")) for k in range(5 if name == "customs" else 20)]
    assert [each for each in found if each is not None] == []


@pytest.mark.parametrize("name", ["world", "table-xlsx"])
def test_archives_with_a_damaged_directory_are_refused_in_words(name: str) -> None:
    door = doors()[name]
    content = bytearray(door.seeds[0])
    at = content.rindex(b"PK\x01\x02")
    content[at + 2 : at + 4] = b"xx"
    with pytest.raises(REFUSALS, match=r"damaged|cut short"):
        door.enter(bytes(content))


def test_campaigns_send_the_same_for_the_same_seed() -> None:
    door = doors()["table-csv"]
    assert mutated(door, "0/a/1") == mutated(door, "0/a/1") != mutated(door, "0/a/2")
