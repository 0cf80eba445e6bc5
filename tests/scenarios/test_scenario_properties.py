"""Properties that hold for every scenario: round trips, composition, bounds, symmetry, relabelling."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmtrade_core.equilibrium import Shock
from firmtrade_core.scenarios import (
    CustomsUnion,
    Demand,
    Embargo,
    ExportSubsidy,
    FixedCost,
    FreeTradeArea,
    Measure,
    Productivity,
    Retaliation,
    Scenario,
    Structure,
    Tariff,
    TariffSchedule,
    TradeCost,
    WorldReference,
    compile,
)

repeatable = settings(derandomize=True, deadline=None, max_examples=60)

COUNTRIES = ("USA", "CHN", "DEU", "ZAF", "ROW")
FIELDS = ("tariff", "subsidy", "trade_cost", "fixed_cost", "productivity", "demand")


def subsets(names: tuple[str, ...], smallest: int = 1) -> st.SearchStrategy:
    return st.lists(st.sampled_from(names), min_size=smallest, max_size=4, unique=True).map(tuple)


countries = st.one_of(st.just(("all",)), subsets((*COUNTRIES, "EU", "BRICS")))
sectors = st.one_of(
    st.just(("all goods",)), st.just(("all",)), subsets(("agriculture", "metals", "services"))
)
rates = st.one_of(st.floats(-0.2, 2, allow_nan=False), st.floats(0.5, 5).map(lambda x: f"{x * 100:.4f} %"))
small = st.floats(-0.5, 0.5, allow_nan=False)
answers = st.one_of(
    st.builds(Retaliation, kind=st.sampled_from(["none", "mirror"]), by=countries, share=st.floats(0.1, 2)),
    st.builds(
        Retaliation,
        kind=st.just("list"),
        measures=st.lists(st.builds(Measure, sectors=sectors, add=st.floats(0, 1)), min_size=1, max_size=2),
    ),
)
trade = {"exporters": countries, "importers": countries, "sectors": sectors, "enabled": st.booleans()}


def makes_sense(build):
    """Cards that pass validation: others, such as a country against itself, are refused elsewhere."""

    @st.composite
    def strategy(draw):
        try:
            return draw(build)
        except ValueError:
            assume(False)

    return strategy()


cards = makes_sense(
    st.one_of(
        st.builds(Tariff, method=st.sampled_from(["add", "set"]), value=rates, retaliation=answers, **trade),
        st.builds(Tariff, method=st.just("scale"), value=st.floats(0, 5), **trade),
        st.builds(Tariff, method=st.just("swiss"), value=st.floats(0.01, 1), **trade),
        st.builds(TariffSchedule, importers=subsets(COUNTRIES), added=st.just({"CHN": 0.2, "AFG": "300 %"})),
        st.builds(FreeTradeArea, members=subsets(COUNTRIES, 2), sectors=sectors),
        st.builds(CustomsUnion, members=subsets(COUNTRIES, 2), external_tariff=st.none() | rates),
        st.builds(ExportSubsidy, value=small, **trade),
        st.builds(TradeCost, change=small, both_directions=st.booleans(), **trade),
        st.builds(FixedCost, change=small, both_directions=st.booleans(), **trade),
        st.builds(Embargo, both_directions=st.booleans(), **trade),
        st.builds(Productivity, countries=countries, sectors=sectors, change=small),
        st.builds(Demand, countries=countries, sectors=sectors, change=small),
    )
)
structures = st.builds(
    Structure,
    family=st.sampled_from(["armington", "krugman", "pareto", "lognormal"]),
    tail=st.floats(1.1, 5),
    elasticity=st.one_of(
        st.floats(0.5, 20), st.just("CP"), st.just({"agriculture": 3.0, "metals": 5.5, "services": 4.0})
    ),
    deficits=st.sampled_from(["fixed", "proportional", "removed"]),
)
scenarios = st.builds(
    Scenario,
    name=st.text(
        alphabet=st.characters(categories=["L", "N", "Zs", "P"], exclude_characters="<>"), max_size=40
    ),
    cards=st.lists(cards, max_size=4),
    structure=structures,
    world=st.none() | st.builds(WorldReference, name=st.just("here"), content_hash=st.just("0123abcd")),
)


def compiled(world, *cards):
    return compile(Scenario(cards=cards), world).shock


def tariffs(world, *cards):
    shock = compiled(world, *cards)
    return world.tariff if shock.tariff is None else shock.tariff


def same(first: Shock, second: Shock) -> bool:
    pairs = [(getattr(first, name), getattr(second, name)) for name in FIELDS]
    return all(a is b is None or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)


@repeatable
@given(scenarios)
def test_yaml_round_trip(scenario: Scenario) -> None:
    again = Scenario.from_yaml(scenario.to_yaml())
    assert again == scenario
    assert again.content_hash == scenario.content_hash


def test_no_cards_are_no_shock(world) -> None:
    assert same(compiled(world), Shock())


@repeatable
@given(st.lists(cards, max_size=3))
def test_disabled_cards_have_no_effect(world, stack) -> None:
    idle = [card.model_copy(update={"enabled": False}) for card in stack]
    assert same(compiled(world, *idle), Shock())


@repeatable
@given(st.lists(cards, min_size=1, max_size=3), st.permutations(range(5)), st.permutations(range(3)))
def test_relabelling_permutes_the_shock(make_world, world, stack, countries, sectors) -> None:
    scenario = Scenario(cards=stack)
    try:
        plain = compile(scenario, world)
    except ValueError:
        assume(False)
    moved = world.with_(
        countries=tuple(world.countries[i] for i in countries),
        sectors=tuple(world.sectors[i] for i in sectors),
        expenditure=world.expenditure[np.ix_(countries, countries, sectors)],
        tariff=world.tariff[np.ix_(countries, countries, sectors)],
        subsidy=world.subsidy[np.ix_(countries, countries, sectors)],
        goods=world.goods[sectors],
    )
    again = compile(scenario, moved)
    for name in FIELDS:
        before, after = getattr(plain.shock, name), getattr(again.shock, name)
        assert (before is None) == (after is None)
        if before is not None:
            axes = (countries, countries, sectors) if before.ndim == 3 else (countries, sectors)
            np.testing.assert_allclose(after, before[np.ix_(*axes)], rtol=1e-12)


@repeatable
@given(st.floats(-0.1, 0.9), st.floats(-0.1, 0.9), sectors)
def test_setting_then_adding_is_setting_the_sum(world, level, more, goods) -> None:
    where = {"importers": "USA", "exporters": ["CHN", "DEU"], "sectors": goods}
    both = tariffs(world, Tariff(method="set", value=level, **where), Tariff(value=more, **where))
    once = tariffs(world, Tariff(method="set", value=level + more, **where))
    np.testing.assert_allclose(both, once, rtol=1e-12, atol=1e-15)


@repeatable
@given(cards)
def test_home_sales_are_never_taxed(world, card) -> None:
    try:
        shock = compiled(world, card)
    except ValueError:
        assume(False)
    for name, untouched in (("tariff", 0.0), ("subsidy", 0.0), ("trade_cost", 1.0), ("fixed_cost", 1.0)):
        array = getattr(shock, name)
        if array is not None:
            assert (np.diagonal(array) == untouched).all()


@repeatable
@given(st.floats(0.001, 2))
def test_swiss_formula_stays_below_its_coefficient_and_keeps_the_order(world, coefficient) -> None:
    after = tariffs(world, Tariff(method="swiss", value=coefficient))
    goods = world.tariff > 0
    assert (after[goods] < coefficient).all()
    assert (after[goods] < world.tariff[goods]).all()
    assert (np.argsort(after[goods]) == np.argsort(world.tariff[goods])).all()


@repeatable
@given(subsets(COUNTRIES[:4], 2))
def test_free_trade_area_frees_its_members_and_leaves_others(world, members) -> None:
    after = tariffs(world, FreeTradeArea(members=members))
    inside = np.isin(world.countries, members)
    pairs = np.outer(inside, inside)
    assert (after[pairs] == 0).all()
    assert np.array_equal(after[~pairs], world.tariff[~pairs])


@repeatable
@given(st.floats(0.01, 1.5), st.floats(0.1, 2), sectors)
def test_mirror_retaliation_is_symmetric(world, added, share, goods) -> None:
    card = Tariff(
        importers="USA",
        exporters=["CHN", "ZAF"],
        sectors=goods,
        value=added,
        retaliation=Retaliation(kind="mirror", share=share),
    )
    change = tariffs(world, card) - world.tariff
    usa = world.country_index("USA")
    np.testing.assert_allclose(change[usa], share * change[:, usa], atol=1e-14)
    other = np.delete(np.delete(change, usa, 0), usa, 1)
    assert (other == 0).all()
