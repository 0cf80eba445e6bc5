"""What pickers offer: the tree of sectors and who is in a group, on worlds of different cuts."""

import numpy as np
import pytest

from firmtrade_core.codes.groups import group_names
from firmtrade_core.scenarios import Scenario, Tariff, compile
from firmtrade_core.scenarios.atlas import Atlas
from firmtrade_core.scenarios.membership import (
    economies_inside_rest,
    groups_here,
    groups_of,
    holder,
    place_words,
    who_is_in,
)
from firmtrade_core.scenarios.sector_tree import named_by, sector_tree
from firmtrade_core.world.embedded import load_embedded_world

INTER_COUNTRY = (
    *(f"A0{n}" for n in (1, 2, 3)),
    *(f"B0{n}" for n in (5, 6, 7, 8, 9)),
    *(
        "C10T12",
        "C13T15",
        "C16",
        "C17_18",
        "C19",
        "C20",
        "C21",
        "C22",
        "C23",
        "C24A",
        "C24B",
        "C25",
        "C26",
        "C27",
    ),
    *("C28", "C29", "C301", "C302T309", "C31T33"),
)
CUTS = {
    "inter-country": (*INTER_COUNTRY, "Services (aggregate)"),
    "some industries": ("A01_02", "C10T12", "C24A", "C25", "G"),
    "own names": ("shoes", "hats", "services"),
    "one good": ("metals",),
}


@pytest.fixture(params=["embedded", *CUTS])
def cut(request, make_world):
    return load_embedded_world() if request.param == "embedded" else make_world(sectors=CUTS[request.param])


def test_a_branch_is_read_as_its_sectors(cut) -> None:
    atlas = Atlas(cut)
    for _, branch in sector_tree(cut).walk():
        meant = np.array([float(code in branch.sectors) for code in cut.sectors])
        np.testing.assert_array_equal(atlas.sectors(branch.names), meant, err_msg=branch.label)


def test_children_make_up_their_parent_and_every_sector_is_a_leaf_once(cut) -> None:
    leaves = []
    for _, branch in sector_tree(cut).walk():
        if branch.children:
            assert len(branch.children) > 1 or branch.children[0].sectors == branch.sectors
            assert sorted(c for child in branch.children for c in child.sectors) == sorted(branch.sectors)
        else:
            leaves += branch.sectors
    assert sorted(leaves) == sorted(cut.sectors)


def test_manufacturing_of_the_embedded_world() -> None:
    tree = sector_tree(load_embedded_world())
    labels = {branch.label: (depth, branch) for depth, branch in tree.walk()}
    depth, manufacturing = labels["Manufacturing"]
    assert depth == 2 and len(manufacturing.children) == 7 and manufacturing.names == ("C",)
    assert labels["Services"][1].sectors == ("services",)


def test_names_on_a_card_find_their_branch() -> None:
    tree = sector_tree(load_embedded_world())
    found = named_by(tree, ("agriculture", "mining_energy"))
    assert found is not None and found.label == "Farming, fishing and mining"
    assert named_by(tree, ("mining_energy", "agriculture")) == found
    everything = named_by(tree, ("all",))
    assert everything is not None and everything.label == "Everything"
    assert named_by(tree, ("metals", "services")) is None


def test_who_is_in_agrees_with_how_groups_are_read(cut) -> None:
    if "CHN" not in cut.countries or len(cut.countries) > 10:
        cut = load_embedded_world()
    atlas = Atlas(cut)
    for found in groups_here(cut):
        weights = atlas.countries((found.group,))
        assert int((weights == 1).sum()) == len(found.listed)
        assert bool(((weights > 0) & (weights < 1)).any()) == bool(found.in_rest)


def test_who_is_in_says_so_in_words() -> None:
    mercosur = who_is_in("MERCOSUR", load_embedded_world())
    assert mercosur.sentence() == (
        "Mercosur: Argentina and Brazil. Part of the rest of the world, reached in proportion: Bolivia, Paraguay and "
        "Uruguay."
    )
    with pytest.raises(KeyError, match="Choose"):
        who_is_in("NOBODY", load_embedded_world())


def test_a_world_without_rest_says_who_is_absent(make_world) -> None:
    world = make_world(countries=("USA", "CAN", "BRA"))
    usmca = who_is_in("USMCA", world)
    assert usmca.listed == ("Canada", "United States") and usmca.absent == ("Mexico",)
    assert "GCC" not in {found.group for found in groups_here(world)}


def test_groups_of_a_country() -> None:
    assert {"EU", "OECD", "G7", "HIGH_INCOME"} <= set(groups_of("DEU"))
    assert groups_of("ROW") == ()
    assert set(groups_of("IDN")) <= set(group_names())


def test_economies_inside_the_rest_of_the_world_are_found_and_say_where_they_are() -> None:
    world = load_embedded_world()
    inside = economies_inside_rest(world)
    assert len(inside) > 100 and {"KEN", "BOL", "QAT", "XKX"} <= set(inside)
    assert not set(inside) & set(world.countries)
    assert place_words("KEN", world) == "Kenya (KEN, rest of the world)"
    assert place_words("DEU", world) == "Germany"
    assert (holder("KEN", world), holder("DEU", world), holder("QQQ", world)) == ("ROW", "DEU", None)
    # What is offered can be used: a card on one of them compiles and says that it reaches the whole in proportion.
    told = compile(Scenario(cards=[Tariff(importers=("USA",), exporters=("KEN",), value=0.1)]), world).report
    assert any("Kenya is named" in note for note in told)


def test_a_world_without_rest_hides_nobody(make_world) -> None:
    world = make_world(countries=("USA", "CAN", "BRA"))
    assert economies_inside_rest(world) == () and holder("KEN", world) is None
