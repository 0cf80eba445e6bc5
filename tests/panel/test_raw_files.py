"""The messy files: tidied up they are the panel again, and the mess is what the truth says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from firmtrade_core.harmonise.declarations import Declarations, Options, read_declarations
from firmtrade_core.panel.confidentiality import hash_identifiers
from firmtrade_core.panel.synthetic.country import SyntheticCountry, make_country, salt_of
from firmtrade_core.panel.synthetic.raw import Mess, RawFiles, write_raw
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

TIDY = Mess(
    repeated=0, zero_weight=0, negative=0, unknown_country=0, unknown_currency=0, misspelt=0, strangers=0,
    twice_registered=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def country() -> SyntheticCountry:
    return make_country(SyntheticDesign(firms=900, years=2, seed=5))


@pytest.fixture(scope="module")
def files(country: SyntheticCountry, tmp_path_factory: pytest.TempPathFactory) -> RawFiles:
    return write_raw(country, tmp_path_factory.mktemp("raw"))


def read(files: RawFiles, country: SyntheticCountry, workspace: Path) -> Declarations:
    return read_declarations(files.customs, workspace, Options(salt=salt_of(country.truth.design)))


def test_tidied_customs_are_the_panels_goods_trade(country: SyntheticCountry, tmp_path: Path) -> None:
    found = read(write_raw(country, tmp_path / "raw", TIDY), country, tmp_path / "work")
    key = ["firm", "year", "flow", "country", "product"]
    lines = found.connection.execute(
        f"SELECT {', '.join(key)}, sum(value_usd) AS value, sum(weight_kg) AS weight FROM lines GROUP BY ALL"
    ).df()
    goods = country.panel.trade[country.panel.trade["product"] != "services"]
    both = goods.merge(lines, on=key, how="outer", suffixes=("", "_read"), indicator=True)
    assert (both["_merge"] == "both").all()
    assert_allclose(both["value_read"], both["value"], rtol=1e-6, atol=0.1)
    assert_allclose(both["weight"], both["quantity"], rtol=1e-6, atol=0.1)
    assert found.accounts()["quarantined"] == 0


def test_the_mess_is_what_the_truth_says(country: SyntheticCountry, files: RawFiles, tmp_path: Path) -> None:
    found = read(files, country, tmp_path / "work")
    told = pd.read_csv(files.folder / "truth" / "customs_errors.csv")["error"].value_counts()
    rules = {f.rule.key: f.rows for f in found.findings.found}
    assert rules["weight.zero"] == told["zero weight"]
    assert rules["value.negative"] == told["negative"]
    assert rules["country.unknown"] == told["unknown country"]
    assert rules["currency.unknown"] == told["unknown currency"]
    assert rules["line.duplicate"] == told["repeated"]
    assert found.accounts()["lost"] == 0
    assert told.to_dict() == pd.DataFrame([files.done[p.name] for p in files.customs]).sum().to_dict()


def test_certificates_name_holders_and_the_truth_knows_them(
    country: SyntheticCountry, files: RawFiles
) -> None:
    table = pd.read_csv(files.certificates, sep="\t")
    assert not {"tax_number", "firm"} & set(table)
    holders = pd.read_csv(files.folder / "truth" / "certificate_holders.csv", dtype=str)
    known = holders["tax_number"].dropna()
    hashed = set(hash_identifiers(known, salt_of(country.truth.design)))
    seen = country.panel.firms
    assert hashed == set(seen.loc[seen["quality_certificate"] == 1, "firm"])
    assert holders["tax_number"].isna().sum() == files.done[files.certificates.name]["strangers"] > 0
    register = pd.read_csv(files.register, dtype=str).drop_duplicates("tax_number").set_index("tax_number")
    named = table.merge(holders, on="certificate").dropna(subset="tax_number")
    same = named["holder"].to_numpy() == register.loc[named["tax_number"], "name"].to_numpy()
    assert 0.5 < same.mean() < 0.9


def test_formats_differ_and_codes_lose_zeros(files: RawFiles) -> None:
    old, new = (path.read_bytes() for path in files.customs)
    assert b";" in old.splitlines()[0] and b"\xf3n" in old.splitlines()[0]  # Windows-1252
    new.decode("utf-8")
    codes = pd.read_csv(files.customs[0], sep=";", encoding="cp1252", dtype=str)["Código arancel"]
    assert (codes.str.len() == 5).any() and not codes.str.startswith("0").any()


def test_everything_says_synthetic(files: RawFiles) -> None:
    assert "SYNTHETIC DATA" in (files.folder / "README.txt").read_text()
    data = [path for path in files.folder.iterdir() if path.suffix == ".csv"]
    assert len(data) == 6 and all(path.name.startswith("synthetic_") for path in data)


def test_no_file_holds_the_panels_hashes(country: SyntheticCountry, files: RawFiles) -> None:
    hashed = set(country.truth.hashed[:200])
    for path in files.folder.rglob("*.csv"):
        text = path.read_bytes()
        assert not any(str(name).encode() in text for name in hashed)
