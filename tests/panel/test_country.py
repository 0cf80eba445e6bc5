"""The synthetic home country adds up to the world, follows its own truth, and shows observers no truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.synthetic.country import SyntheticCountry, make_country
from firmtrade_core.panel.synthetic.programme import respond
from firmtrade_core.panel.synthetic.structure import (
    CAPABILITY_EFFECTS,
    CERTIFIED_AND_RELIABLE,
    INSTRUMENTS,
    RELIABLE,
    SyntheticDesign,
)
from firmtrade_core.panel.synthetic.survey import SURVEYED
from firmtrade_core.panel.validation import validate
from firmtrade_core.world.embedded import load_embedded_world

CERTIFIED = CAPABILITY_EFFECTS["quality_certificate"]
SMALL = SyntheticDesign(firms=3_000, years=4, seed=7)


@pytest.fixture(scope="module")
def country() -> SyntheticCountry:
    return make_country(SMALL)


def last_exports(country: SyntheticCountry) -> pd.Series:
    table = country.panel.exports("sector", "country", "year")
    return table[table["year"] == 2022].set_index(["sector", "country"])["value"]


def assert_adds_up(country: SyntheticCountry) -> None:
    world = load_embedded_world()
    home = world.country_index(country.truth.design.home)
    found = last_exports(country)
    for s, sector in enumerate(world.sectors):
        for j, name in enumerate(world.countries):
            expected = 1e6 * world.border_value[home, j, s] if j != home else 0.0
            assert found.get((sector, name), 0.0) == pytest.approx(expected, rel=1e-9)


def test_exports_add_up_to_the_world(country: SyntheticCountry) -> None:
    assert_adds_up(country)


@settings(max_examples=5, deadline=None)
@given(
    home=st.sampled_from(load_embedded_world().countries),
    firms=st.integers(200, 900),
    seed=st.integers(0, 10_000),
    share=st.floats(0.05, 0.6),
)
def test_any_home_adds_up(home: str, firms: int, seed: int, share: float) -> None:
    design = SyntheticDesign(home=home, firms=firms, years=2, seed=seed, exporter_share=share)
    assert_adds_up(make_country(design))


def test_books_agree_with_the_trade_table(country: SyntheticCountry) -> None:
    for flow, column in (("export", "exports"), ("import", "imports")):
        by_firm = country.panel.exports("firm", "year", flow=flow).set_index(["firm", "year"])["value"]
        booked = country.panel.firms.set_index(["firm", "year"])[column]
        booked = booked[booked > 0].sort_index()
        assert_allclose(by_firm.reindex(booked.index), booked, rtol=1e-9)
        assert len(by_firm) == len(booked)


def test_a_sound_panel_labelled_synthetic(country: SyntheticCountry) -> None:
    report = validate(country.panel)
    assert report.usable and not len(report.counts), report.text()
    assert country.panel.metadata.label == "Firms of Chile (synthetic)"
    assert country.panel.unit("instrument_office_distance").startswith("km")


def test_observers_see_no_truth(country: SyntheticCountry) -> None:
    truth, seen = country.truth, country.panel.firms
    hidden = {"kappa", "m", "g", "u", "manager_quality"}
    assert hidden <= set(truth.table) and not hidden & set(seen.columns)
    numbers = seen.select_dtypes("number").fillna(0.0).to_numpy(dtype=float)
    secrets = truth.table.sort_values(["firm", "year"])[["u", "manager_quality", "kappa"]].to_numpy()
    correlation = np.corrcoef(numbers[:, numbers.std(0) > 0].T, secrets.T)
    assert np.abs(correlation[-3:, :-3]).max() < 0.9
    raw = set(truth.identifiers)
    assert not raw & set(seen["firm"]) and not raw & set(country.panel.trade["firm"])


def test_same_seed_same_country() -> None:
    design = SyntheticDesign(firms=400, years=2, seed=11)
    one, two = make_country(design), make_country(design)
    pd.testing.assert_frame_equal(one.panel.firms, two.panel.firms)
    pd.testing.assert_frame_equal(one.panel.trade, two.panel.trade)
    assert not make_country(design.with_(seed=12)).panel.firms.equals(one.panel.firms)


def test_firms_follow_the_structure(country: SyntheticCountry) -> None:
    truth, design = country.truth, country.truth.design
    untouched = respond(truth)
    sales = truth.sales
    last = sales.year == design.years - 1
    assert_allclose(untouched.exports[sales.firm[last], sales.destination[last]], sales.value[last])
    assert untouched.present.sum() == last.sum()
    assert_allclose(untouched.home, sales.home[:, -1])
    alive = truth.firms.alive
    assert_allclose([truth.firms.m[alive].mean(), truth.firms.g[alive].mean()], 0.0, atol=1e-12)
    xi, nu = truth.shocks.sales, truth.shocks.entry
    assert xi.std() == pytest.approx(design.sigma_xi, rel=0.02)
    assert nu.std() == pytest.approx(design.sigma_nu, rel=0.02)
    assert np.corrcoef(xi.ravel(), nu.ravel())[0, 1] == pytest.approx(design.correlation, abs=0.02)


def test_a_programme_moves_only_eligible_firms(country: SyntheticCountry) -> None:
    truth = country.truth
    certified = truth.firms.attributes["quality_certificate"][:, -1]
    eligible = (certified == 0) & (truth.firms.region == 0)
    before, after = respond(truth), respond(truth, {"quality_certificate": eligible.astype(float)})
    assert (after.capability_shift[eligible] >= CERTIFIED - 1e-9).all()
    assert not after.capability_shift[~eligible].any() and not after.fixed_cost_shift[~eligible].any()
    assert_allclose(after.exports[~eligible], before.exports[~eligible])
    assert after.present.sum() > before.present.sum()
    # Firms present before and after sell more by exactly their gain in capability.
    stayers = before.present & eligible[:, None]
    gain = np.log(after.exports[stayers] / before.exports[stayers])
    assert_allclose(gain, np.broadcast_to(after.capability_shift[:, None], stayers.shape)[stayers])
    with pytest.raises(PanelError, match="choose among"):
        respond(truth, {"charm": 1.0})


def test_dearer_markets_lose_firms_and_demand_scales_sales(country: SyntheticCountry) -> None:
    truth = country.truth
    before = respond(truth)
    dearer = respond(truth, threshold_change=0.3)
    assert (dearer.exporters() <= before.exporters()).all()
    assert dearer.present.sum() < before.present.sum()
    richer = respond(truth, demand_change=np.log(2.0), home_demand_change=np.log(2.0))
    assert_allclose(richer.flows(), 2 * before.flows())
    assert_allclose(richer.home_sales(), 2 * before.home_sales())


def test_managers_confound_and_instruments_are_what_they_say(country: SyntheticCountry) -> None:
    table = country.truth.table[country.truth.table["year"] == 2022]
    certificate = table["quality_certificate"].to_numpy(dtype=float)
    manager = table["manager_quality"]
    assert np.corrcoef(certificate, manager)[0, 1] > 0.2
    assert np.corrcoef(table["u"], manager)[0, 1] > 0.3
    strength = {}
    for instrument in INSTRUMENTS:
        values = table[instrument.name].to_numpy(dtype=float)
        strength[instrument.name] = abs(np.corrcoef(values, certificate)[0, 1])
        leak = abs(np.corrcoef(values, table["u"])[0, 1])
        assert leak < 0.06 if instrument.valid else leak > 0.15, instrument.name
    assert strength["instrument_voucher"] > 0.2 > strength["instrument_office_distance"] > 0.06
    assert strength["instrument_audit_slots"] < 0.05


def test_silence_is_likelier_among_the_small(country: SyntheticCountry) -> None:
    seen = country.panel.firms
    silent = seen["skill_share"].isna()
    assert seen[list(SURVEYED)].isna().to_numpy().mean() == pytest.approx(SMALL.missing, abs=0.02)
    assert seen["rnd_intensity"].isna().mean() > 1.3 * seen["foreign_ownership"].isna().mean()
    small = seen["employment"] < seen["employment"].median()
    assert silent[small].mean() > 1.3 * silent[~small].mean()
    whole = make_country(SyntheticDesign(firms=300, years=1, missing=0.0, measurement_error=0.0))
    truth = whole.truth.table.set_index("firm")
    seen = whole.panel.firms.set_index("firm")
    assert_allclose(seen["rnd_intensity"], truth.loc[seen.index, "rnd_intensity"])
    assert not seen.isna().any(axis=None)


def test_the_misspecified_variant_breaks_what_it_says() -> None:
    truth = make_country(SyntheticDesign(firms=4_000, years=1, variant="misspecified")).truth
    risk = truth.firms.scale_noise
    assert risk.max() > 2 * risk.min()
    assert np.mean(risk**2) == pytest.approx(1.0, abs=0.1)
    u = truth.firms.unexplained
    assert ((u - u.mean()) ** 4).mean() / u.var() ** 2 > 3.5


def test_parquet_round_trip(country: SyntheticCountry, tmp_path) -> None:
    country.panel.save(tmp_path / "panel")
    again = FirmPanel.from_parquet(tmp_path / "panel")
    assert again.metadata == country.panel.metadata
    pd.testing.assert_frame_equal(again.firms, country.panel.firms, check_dtype=False)


def test_impossible_homes_are_refused() -> None:
    with pytest.raises(PanelError, match="no economy XXX"):
        make_country(SyntheticDesign(home="XXX", firms=300))
    with pytest.raises(PanelError, match="ask for more firms"):
        make_country(SyntheticDesign(firms=200, years=50))
    with pytest.raises(PanelError, match="exporter_share"):
        SyntheticDesign(exporter_share=1.5)


def test_comparing_certified_firms_misleads_and_the_lottery_does_not() -> None:
    table = make_country(SyntheticDesign(firms=12_000, years=4, seed=21)).truth.table
    last = table[table["year"] == table["year"].max()]
    certificate = last["quality_certificate"].to_numpy(dtype=float)
    reliable = (last["on_time_delivery"] > RELIABLE).to_numpy()
    effect = CERTIFIED + CERTIFIED_AND_RELIABLE * reliable[certificate == 1].mean()
    # What attributes but the certificate explain is taken out, so that only u can confound.
    outcome = (last["kappa"] - last["m"]).to_numpy() + certificate * (
        CERTIFIED + CERTIFIED_AND_RELIABLE * reliable
    )

    def slope(by: np.ndarray) -> float:
        return float(np.cov(by, outcome)[0, 1] / np.cov(by, certificate)[0, 1])

    naive = slope(certificate)
    lottery = slope(last["instrument_voucher"].to_numpy(dtype=float))
    chamber = slope(last["instrument_chamber"].to_numpy(dtype=float))
    assert naive > effect + 0.1
    assert lottery == pytest.approx(effect, abs=0.15)
    assert chamber > effect + 0.3


def test_demand_known_at_entry_keeps_the_models_bound() -> None:
    """MODEL 2: 0 <= v_k <= min(σ_ξ², σ_ν²); the design's own was beyond it once."""
    design = SyntheticDesign()
    known = design.correlation * design.sigma_xi * design.sigma_nu
    assert 0 <= known <= min(design.sigma_xi, design.sigma_nu) ** 2
