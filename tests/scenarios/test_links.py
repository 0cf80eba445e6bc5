"""Links: every scenario comes back, every alteration is noticed, nothing unfolds without bound."""

import json
import string
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmtrade_core.scenarios import Scenario, Tariff, WorldReference, links, load_preset, preset_names
from firmtrade_core.scenarios.links import LinkError, LongLinkError, decode, encode, missing_world
from tests.scenarios.test_scenario_properties import scenarios

repeatable = settings(derandomize=True, deadline=None, max_examples=150)

ALPHABET = string.ascii_letters + string.digits + "-_.~%"

TEN = Scenario.parse(
    {
        "name": "Ten cards",
        "cards": [
            {
                "kind": "tariff",
                "exporters": ["CHN"],
                "importers": ["USA"],
                "value": 1.45,
                "retaliation": "mirror",
            },
            {
                "kind": "tariff",
                "exporters": ["EU"],
                "importers": ["USA"],
                "sectors": ["metals"],
                "value": 0.25,
            },
            {"kind": "schedule", "importers": ["USA"], "table": "us_2025_04_02", "otherwise": 0.1},
            {"kind": "free_trade_area", "members": ["EU", "MERCOSUR"], "except_sectors": ["agriculture"]},
            {"kind": "customs_union", "members": ["AFCFTA"], "external_tariff": 0.125},
            {
                "kind": "export_subsidy",
                "exporters": ["IND"],
                "sectors": ["textiles_apparel_leather"],
                "value": 0.07,
            },
            {"kind": "trade_cost", "exporters": ["LOW_INCOME"], "change": -0.05, "both_directions": True},
            {
                "kind": "embargo",
                "exporters": ["RUS"],
                "importers": ["EU", "G7"],
                "sectors": ["mining_energy"],
            },
            {"kind": "productivity", "countries": ["VNM", "IDN", "THA"], "change": 0.031},
            {"kind": "demand", "countries": ["DEU"], "sectors": ["vehicles_transport_eq"], "change": -0.1},
        ],
        "structure": {"family": "pareto", "tail": 1.7, "elasticity": "FGO", "deficits": "proportional"},
        "world": {"name": "Embedded world 2022", "content_hash": "e54ec719efc43d5f"},
    }
)


@repeatable
@given(scenarios)
def test_every_scenario_comes_back(scenario: Scenario) -> None:
    code = encode(scenario)
    assert decode(code) == scenario
    assert encode(decode(code)) == code
    assert set(code) <= set(string.ascii_letters + string.digits + "-_.")


@pytest.mark.parametrize("name", preset_names())
def test_presets_come_back(name: str) -> None:
    assert decode(encode(load_preset(name))) == load_preset(name)


def test_ten_cards_are_short() -> None:
    assert len(encode(TEN)) < 500
    spelled_out = {"exporters": [f"{a}{b}X" for a in "ABCDEFGHI" for b in "ABCDEFGHI"], "importers": ["USA"]}
    cards = [{"kind": "tariff", "value": 0.01 * n, **spelled_out} for n in range(1, 11)]
    assert len(encode(Scenario.parse({"cards": cards}))) < 1900


@pytest.mark.parametrize("scenario", [TEN, Scenario(), load_preset("us_ten_points")], ids=lambda s: s.name)
def test_any_change_of_one_character_is_noticed(scenario: Scenario) -> None:
    code = encode(scenario)
    for place in range(len(code)):
        for other in (*ALPHABET, ""):
            if other != code[place]:
                with pytest.raises(LinkError):
                    decode(code[:place] + other + code[place + 1 :])


@repeatable
@given(st.integers(0, 10_000), st.sampled_from(ALPHABET))
def test_a_character_too_many_is_noticed(place: int, letter: str) -> None:
    code = encode(TEN)
    place %= len(code) + 1
    with pytest.raises(LinkError):
        decode(code[:place] + letter + code[place:])


def test_every_cut_says_that_it_was_cut() -> None:
    code = encode(TEN)
    for end in range(4, len(code)):
        with pytest.raises(LinkError, match=r"cut short: only [\d.]+\s?%"):
            decode(code[:end])
    with pytest.raises(LinkError, match="beginning is missing"):
        decode(code[2:])


def test_line_breaks_of_mail_programs_do_no_harm() -> None:
    code = encode(TEN)
    assert decode(f"  {code[:70]}\r\n {code[70:]}\n") == TEN


@pytest.mark.parametrize(
    ("version", "words"), [("0", "old version 0"), ("2", "version 2; this program reads version 1")]
)
def test_other_versions_say_so(version: str, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        decode(f"{version}{encode(TEN)[1:]}")


# Forged links: header and checksum are right, the content is not --------------------------------


def forged(content: bytes) -> str:
    body = links._deflated(content)
    return f"1.{links._base64(links._header(body) + body)}"


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    with pytest.raises(LinkError, match="unfold to more than 65\u202f536"):
        decode(forged(b"[" + b" " * 500_000))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[" * 60_000,
        b'{"cards":' * 5_000,
        b'{"version":1,"name":' + b"9" * 10_000 + b"}",
        b"null",
        b"[1]",
        json.dumps({"version": 9}).encode(),
        json.dumps({"version": 1, "name": "<script>alert(1)</script>"}).encode(),
        json.dumps({"version": 1, "cards": [{"kind": "tariff", "value": float("nan")}]}).encode(),
        json.dumps({"version": 1, "cards": [{"kind": "tariff", "value": 10}]}).encode(),
        json.dumps({"version": 1, "structure": {"tail": float("inf")}}).encode(),
        json.dumps({"version": 1, "surprise": 1}).encode(),
    ],
    ids=range(14),
)
def test_forged_content_is_refused(content: bytes) -> None:
    with pytest.raises(LinkError, match="arrived whole"):
        decode(forged(content))


def test_a_body_without_end_or_with_a_tail_is_refused() -> None:
    whole = links._deflated(b"{}")
    for body in (whole[:-1], whole + b"x", b"\x07", zlib.compress(b"{}")):
        with pytest.raises(LinkError, match="content is broken"):
            decode(f"1.{links._base64(links._header(body) + body)}")


@repeatable
@given(st.text(max_size=200))
@example("1.")
@example("1.=")
@example("1.AAAAAAAAAAA")
@example("9" * 5000 + ".A")
def test_no_text_does_more_than_raise(text: str) -> None:
    with pytest.raises(LinkError):
        decode(text)


# Length and world ------------------------------------------------------------------------------


def test_a_long_scenario_offers_yaml() -> None:
    cards = [
        Tariff(importers=("USA",), value=round(0.0137 * n + 0.000123 * n**3 % 0.9, 9)) for n in range(1, 51)
    ]
    texts = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(900))
    scenario = Scenario(description=texts, cards=tuple(cards))
    with pytest.raises(LongLinkError, match="YAML"):
        encode(scenario)


def test_the_world_travels_by_name_and_hash(make_world) -> None:
    world = make_world()
    found = decode(encode(TEN, world))
    assert found.world == WorldReference(name="synthetic", content_hash=world.content_hash)
    assert missing_world(found, world) == ""
    assert missing_world(Scenario(), world) == ""
    elsewhere = missing_world(TEN, world)
    assert "Embedded world 2022" in elsewhere and "e54ec719efc43d5f" in elsewhere and "Data page" in elsewhere


def test_a_world_with_an_unwritable_name_still_travels(make_world) -> None:
    world = make_world().with_(name="<b>\x00" + "x" * 300)
    found = decode(encode(TEN, world))
    assert found.world is not None and found.world.content_hash == world.content_hash
    assert found.world.name.startswith("bxxx")
