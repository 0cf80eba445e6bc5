"""One firm's view agrees with the engine's sums over firms, with simulation, and with arithmetic by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.equilibrium import Equilibrium, solve
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home import Effect, HomeFirms
from firmtrade_core.home.outcomes import firm_outcomes, own_margins, own_record
from firmtrade_core.home.profile import AttributeReader, Profile, attribute_names, firm_profile
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.home.view import FirmView, firm_view, prospect, situations
from firmtrade_core.scenarios import Scenario, compile
from tests.firms import make_home, unrecorded
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
HOME = make_home()
CARDS = [
    {"kind": "tariff", "importers": ["USA"], "exporters": ["ZAF"], "method": "add", "value": 0.15},
    {
        "kind": "programme", "policy": "quality_certification", "take_up": 0.5, "unit_cost": 1000,
        "effect": {"capability": 0.3, "grade": "association"},
    },
]  # fmt: skip


def solved(home: HomeFirms, cards: list[dict[str, object]] | None = None) -> tuple[Equilibrium, Scenario]:
    scenario = Scenario.model_validate(
        {"name": "test", "cards": cards or [], "structure": {"family": "firms", "elasticity": 5.0}}
    )
    compiled = compile(scenario, WORLD, home)
    return solve(WORLD, compiled.shock, compiled.parameters), scenario


@pytest.fixture(scope="module")
def shocked() -> Equilibrium:
    return solved(HOME, CARDS)[0]


@pytest.fixture(scope="module")
def view(shocked: Equilibrium) -> FirmView:
    best = int(HOME.firms["capability"].sub(3 * (HOME.firms["sector"] != "metals")).argmax())
    return firm_view(shocked, HOME, firm_profile(HOME, WORLD, best))


def test_all_firms_together_make_the_sector() -> None:
    """Sums over firms of expected sales are the market, and of fixed costs φ of variable profit."""
    bare = unrecorded(HOME)
    equilibrium, scenario = solved(bare, CARDS[:1])
    outcomes = firm_outcomes(equilibrium, compile(scenario, WORLD, bare).treatment)
    margins = own_margins(equilibrium)
    place = HOME.sector_of(WORLD)
    home = WORLD.country_index("ZAF")
    for row, sector in enumerate(margins.rows):
        own = np.flatnonzero(place == sector)
        firms = HOME.firms.iloc[own]
        m, g, w = (firms[name].to_numpy() for name in ("capability", "fixed_cost_saving", "weight"))
        states = situations(equilibrium, int(sector))
        for state, at in enumerate(states):
            found = prospect(at, m, g, HOME.deviations.capability)
            np.testing.assert_allclose(w @ found.exports, at.revenue, rtol=2e-4)
            each = w * np.delete(found.exports, home, 1).sum(1)
            np.testing.assert_allclose(each, outcomes.exports[own, state], rtol=1e-3)
            served = (w[:, None] * np.delete(found.chance, home, 1)).sum(1)
            traded = np.delete(at.revenue, home) > 0
            if traded.all():
                np.testing.assert_allclose(served, outcomes.markets[own, state], rtol=1e-9)
        at = states[0]
        found = prospect(at, m, g, HOME.deviations.capability)
        abroad = (at.revenue > 0) & np.isfinite(at.threshold)
        share = (w @ found.fixed_cost)[abroad] / (at.revenue / at.elasticity)[abroad]
        np.testing.assert_allclose(share, margins.baseline_share[row][abroad], rtol=1e-3)


def test_expectations_agree_with_simulation(view: FirmView) -> None:
    at, d = situations(view.equilibrium, view.profile.sector)[0], HOME.deviations
    abroad = int(np.flatnonzero(np.isfinite(at.threshold))[0])
    kappa, g, tau = float(at.threshold[abroad]) - 0.5, 0.2, 0.6
    random = np.random.default_rng(0)
    count = 400_000
    u = tau * random.standard_normal(count)
    # ξ and ν with covariance v_k; fixed costs carry the rest of ν.
    known = np.sqrt(d.known_taste) * random.standard_normal(count)
    xi = known + np.sqrt(d.taste**2 - d.known_taste) * random.standard_normal(count)
    cheap = np.sqrt(d.entry**2 - d.known_taste) * random.standard_normal(count)
    there = kappa + u + g + known + cheap >= at.threshold[abroad]
    scale = at.revenue[abroad] * np.exp(-at.log_total[abroad])
    sales = scale * np.exp(kappa + u + xi)
    level = np.exp(at.threshold[abroad] + (d.taste**2 - d.known_taste) / 2)
    cost = scale / at.elasticity * level * np.exp(-g - cheap)
    found = prospect(at, kappa, g, tau)
    assert found.chance[abroad] == pytest.approx(there.mean(), abs=0.003)
    assert found.exports[abroad] == pytest.approx((sales * there).mean(), rel=0.03)
    assert found.fixed_cost[abroad] == pytest.approx((cost * there).mean(), rel=0.03)
    assert found.sales_if[abroad] == pytest.approx(sales.mean(), rel=0.03)
    assert found.cost_if[abroad] == pytest.approx(cost.mean(), rel=0.03)


def test_destinations_tell_chances_and_what_stands_in_the_way(view: FirmView) -> None:
    table = view.destinations.set_index("code")
    assert "ZAF" not in table.index and (table["chance_after"].diff().dropna() <= 0).all()
    assert table.loc["USA", "chance_after"] < table.loc["USA", "chance_before"]
    assert table.loc["USA", "without_tariff"] > table.loc["USA", "chance_after"]
    assert table.loc["USA", "tariff"] == pytest.approx(
        view.equilibrium.tariff[WORLD.country_index("ZAF"), WORLD.country_index("USA"), view.profile.sector]
    )
    assert ((table["low"] <= table["chance_after"] + 0.2) & (table["low"] <= table["high"])).all()
    assert table["obstacle"].str.len().gt(0).all()
    # What stands side by side on the page and in the file belongs together.
    there = table["chance_after"] > 0
    product = table["chance_after"] * table["sales_there"]
    np.testing.assert_allclose(product[there], table["exports_after"][there], rtol=1e-12)
    for row in view.destinations.to_dict("records"):
        if row["chance_after"] < 0.5 and row["cost_if"] > row["sales_if"] / view._states[1].elasticity:
            assert "Being there costs" in row["obstacle"]
    assert view.sentence().startswith("Firm ")


def test_served_markets_are_not_next(shocked: Equilibrium) -> None:
    firms = HOME.firms.assign(
        served="USA CHN", posterior=HOME.firms["capability"] + 0.3, posterior_spread=0.4
    )
    home = replace(HOME, firms=firms)
    profile = firm_profile(home, WORLD, 3)
    assert profile.capability == pytest.approx(firms["posterior"][3]) and profile.spread == 0.4
    found = firm_view(shocked, home, profile)
    assert not set(found.next_markets(50)["code"]) & {"USA", "CHN"}
    assert found.destinations.set_index("code").loc["USA", "served"]


def test_a_treated_firm_carries_the_programme_into_the_scenario(shocked: Equilibrium) -> None:
    treatment = compile(solved(HOME, CARDS)[1], WORLD, HOME).treatment
    row = int(np.flatnonzero(HOME.firms["quality_certificate"] == 0)[0])
    plain, treated = (firm_profile(HOME, WORLD, row, t) for t in (None, treatment))
    assert sorted(treated.treated) == [(0.5, 0.0, 0.0), (pytest.approx(0.5), pytest.approx(0.3), 0.0)]
    assert firm_view(shocked, HOME, treated).exports[1] > firm_view(shocked, HOME, plain).exports[1]
    assert firm_view(shocked, HOME, treated).exports[0] == firm_view(shocked, HOME, plain).exports[0]


def test_upgrades_are_worth_what_arithmetic_says(shocked: Equilibrium) -> None:
    sure = {
        "quality_certificate": Effect(0.25, 0.1, 0.0, 0.0, "instrument"),
        "skill_share": Effect(grade="observables"),
    }
    home = replace(HOME, effects=sure)
    row = int(np.flatnonzero(HOME.firms["quality_certificate"] == 0)[5])
    view = firm_view(shocked, home, firm_profile(home, WORLD, row))
    first, nothing = view.upgrades
    assert first.attribute == "quality_certificate" and nothing.worth == (0.0, 0.0, 0.0)
    at = situations(shocked, view.profile.sector)[1]
    before, after = (
        prospect(at, view.profile.capability + m, view.profile.fixed_cost_saving + g, view.profile.spread)
        for m, g in ((0.0, 0.0), (0.25, 0.1))
    )
    worth = ((after.exports - before.exports) / at.elasticity - (after.fixed_cost - before.fixed_cost)).sum()
    assert first.worth == pytest.approx((worth, worth, worth))
    assert first.fixed_cost[0] == pytest.approx(100 * (np.exp(-0.1) - 1))
    assert first.markets[0] > 0 and first.exports[0] > 0
    # At home everybody is present: sales rise by the effect on capability alone.
    home_position = WORLD.country_index("ZAF")
    assert after.exports[home_position] / before.exports[home_position] == pytest.approx(np.exp(0.25))


def test_bands_widen_with_the_error_and_holders_are_not_upgraded(view: FirmView) -> None:
    held = int(np.flatnonzero(HOME.firms["quality_certificate"] == 1)[0])
    names = [u.attribute for u in firm_view(view.equilibrium, HOME, firm_profile(HOME, WORLD, held)).upgrades]
    assert names == ["skill_share"]
    wide = {
        name: replace(effect, capability_error=2 * effect.capability_error)
        for name, effect in HOME.effects.items()
    }
    doubled = firm_view(view.equilibrium, replace(HOME, effects=wide), view.profile)
    for upgrade in view.upgrades:
        again = next(u for u in doubled.upgrades if u.attribute == upgrade.attribute)
        assert upgrade.worth[1] < upgrade.worth[0] < upgrade.worth[2]
        assert again.exports[2] - again.exports[1] > 1.3 * (upgrade.exports[2] - upgrade.exports[1])


def test_dependence_on_the_largest_partner(view: FirmView) -> None:
    found, table = view.dependence, view.destinations
    sold = table["exports_after"]
    assert found.concentration[1] == pytest.approx(((sold / sold.sum()) ** 2).sum())
    assert found.largest[1] == table.loc[sold.idxmax(), "code"]
    assert found.share[1] == pytest.approx(sold.max() / sold.sum())
    # Whatever firms serve by choice leaves something over: cutting it off costs.
    assert found.loss[0] > 0 and found.loss[1] > 0 and 0 < found.sales_share[1] < found.share[1]


def test_profiles_are_read_from_attributes() -> None:
    random = np.random.default_rng(1)
    firms = HOME.firms.drop(columns="quality_certificate").assign(a=random.normal(size=len(HOME)))
    firms["capability"] = 0.8 * firms["a"] + 0.5 * firms["skill_share"]
    reader = AttributeReader(replace(HOME, firms=firms))
    assert set(reader.names) == {"age", "skill_share", "a"} and reader.names[0] == "skill_share"
    assert reader.fit > 0.8
    low, high = (reader.read({"a": a, "skill_share": 0.3, "age": 10})[0] for a in (-1.0, 1.0))
    assert high - low == pytest.approx(1.6, abs=0.4)
    profile = reader.profile(1, reader.typical(WORLD, 1))
    assert profile.spread == HOME.deviations.capability and not profile.single and profile.served is None
    assert np.isfinite(reader.read({})[0])
    flat = replace(
        HOME, firms=pd.DataFrame({"sector": ["metals"] * 60, "capability": [0.5] * 60}), effects={}
    )
    assert AttributeReader(flat).read({})[0] == pytest.approx(0.5) and not attribute_names(flat)


def test_what_cannot_be_shown_is_refused(shocked: Equilibrium) -> None:
    with pytest.raises(ComparisonError, match="no firm 9001"):
        firm_profile(HOME, WORLD, 9000)
    services = next(s for s in range(WORLD.shape[1]) if s not in own_margins(shocked).rows)
    with pytest.raises(ComparisonError, match="No firms are known in"):
        firm_view(shocked, HOME, Profile("X", services, 0.0, 1.0, 0.0))
    other = compile(Scenario.model_validate({"name": "x", "cards": []}), WORLD)
    with pytest.raises(ComparisonError, match="knows no single firms"):
        firm_view(solve(WORLD, other.shock, other.parameters), HOME, firm_profile(HOME, WORLD, 0))


def test_an_embargo_closes_a_market() -> None:
    cards: list[dict[str, object]] = [{"kind": "embargo", "importers": ["USA"], "exporters": ["ZAF"]}]
    equilibrium, _ = solved(HOME, cards)
    view = firm_view(equilibrium, HOME, firm_profile(HOME, WORLD, 0))
    row = view.destinations.set_index("code").loc["USA"]
    assert row["chance_before"] > 0 and row["chance_after"] == 0 and row["exports_after"] == 0
    assert "Closed" in row["obstacle"] and np.isfinite(view.dependence.loss[1])


def recorded() -> HomeFirms:
    """The same firms with sales at home and abroad, by destination."""
    random = np.random.default_rng(5)
    foreign = [c for c in WORLD.countries if c != "ZAF"]
    served, sold = [], []
    for capability in HOME.firms["capability"]:
        there = [c for c in foreign if random.random() < 1 / (1 + np.exp(1.5 - capability))]
        served.append(" ".join(there))
        sold.append(" ".join(f"{v:.6g}" for v in np.exp(capability + random.normal(0, 1, len(there)))))
    exports = [sum(map(float, text.split())) for text in sold]
    at_home = np.exp(3 + HOME.firms["capability"] + random.normal(0, 0.5, len(HOME)))
    return replace(
        HOME,
        firms=HOME.firms.assign(served=served, served_sales=sold, exports=exports, sales=at_home + exports),
        _families={},
        _places={},
    )


def test_a_firm_of_the_data_shows_its_own_record() -> None:
    """Baseline: what it sold, scaled to the world; scenario: what `firm_outcomes` expects of it; chances elsewhere."""
    firms = recorded()
    equilibrium, scenario = solved(firms, CARDS)
    treatment = compile(scenario, WORLD, firms).treatment
    assert treatment is not None
    outcomes = firm_outcomes(equilibrium, treatment)
    home = WORLD.country_index("ZAF")
    exporting = np.flatnonzero(firms.firms["exports"] > 0)
    for row in (3, int(exporting[0]), int(exporting[20])):
        record = own_record(equilibrium, treatment, row)
        assert record is not None
        mine = treatment.firm == row
        weight = treatment.weight[mine].sum()
        abroad = np.arange(len(WORLD.countries)) != home
        for state in (0, 1):
            assert record.sold[state, abroad].sum() * weight == pytest.approx(
                outcomes.exports[mine, state].sum()
            )
            assert record.sold[state, home] * weight == pytest.approx(outcomes.home_sales[mine, state].sum())
        found = firm_view(equilibrium, firms, firm_profile(firms, WORLD, row, treatment), record)
        assert found.exports[0] == pytest.approx(record.sold[0, abroad].sum())
        assert found.markets[0] == len(
            [c for c in str(firms.firms["served"][row]).split() if c in WORLD.countries and c != "ZAF"]
        )
        table = found.destinations
        served = table["sold_before"].notna()
        assert served.sum() == found.markets[0] and (table["stays"][served] <= 1).all()
        assert found.markets_served()["sold_before"].sum() == pytest.approx(found.exports[0])
        assert not set(found.next_markets(50)["code"]) & set(found.markets_served(50)["code"])
        if found.exports[0] > 0:
            best = found.markets_served(1)["code"].iloc[0]
            assert found.dependence.largest[0] == best and 0 < found.dependence.share[0] <= 1
            assert found.dependence.loss[0] >= 0
    bare = unrecorded(HOME)
    assert own_record(solved(bare, CARDS[:1])[0], Treatment.none(bare), 3) is None
