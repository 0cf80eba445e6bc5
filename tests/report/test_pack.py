"""The briefing pack: four files of one content, each opened again and held against the result."""

from __future__ import annotations

import io
import json
import re
import zipfile

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures.outcomes import outcome, sector_outcomes
from firmtrade_core.figures.shapes import areas, colour, frame, projected
from firmtrade_core.labels import change
from firmtrade_core.report.lever_path import LeverPath
from firmtrade_core.report.pack import Pack, all_files, make_pack
from firmtrade_core.report.pack.page import to_page
from firmtrade_core.scenarios import Scenario, compile, load_preset
from firmtrade_core.world.embedded import load_embedded_world
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = load_embedded_world()
SCENARIO = load_preset("us_ten_points").with_(
    name="Ten points =1+1", narrative=("Income {real_income.USA|verb}.", "A & B.")
)
LINK = "http://127.0.0.1:8501/briefing?s=2.abc&country=USA"


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return compile(SCENARIO, WORLD, None).solve(None)


@pytest.fixture(scope="module")
def pack(result: Equilibrium) -> Pack:
    return make_pack(
        SCENARIO, result, country="USA", source="Source: a <b> & c.", link=LINK, caveats=("It is a long-run comparison.",)
    )  # fmt: skip


@pytest.fixture(scope="module")
def files(pack: Pack) -> dict[str, bytes]:
    """All files by their ending, as they come in one archive; no browser is there to be asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROWSER_PATH", "/nowhere")
        patch.setenv("PATH", "")
        archive = zipfile.ZipFile(io.BytesIO(all_files(pack, "ten_points")))
    return {name.removeprefix("ten_points."): archive.read(name) for name in archive.namelist()}


def test_every_number_has_unit_band_source_stamps_certificate_and_link(
    pack: Pack, result: Equilibrium
) -> None:
    assert [row[2] for row in pack.number_rows()] == ["no interval"] * 6
    assert "%" in pack.number_rows()[0][1] and "bn" in pack.number_rows()[3][1]
    told = dict(pack.provenance())
    assert result.content_hash in told["Certificate"] and "certified" in told["Certificate"]
    assert (
        told["Link"] == LINK and "estimated: 5" in told["Stamps"] and "lognormal firms" in told["Structure"]
    )
    assert pack.words == ("Income rises by 0.21\u202f%.", "A & B.") or "rises by 0.21" in pack.words[0]
    assert all(chart.unit for chart in pack.charts)


def test_powerpoint_has_charts_of_its_own_with_the_numbers_of_the_result(
    files: dict[str, bytes], result: Equilibrium
) -> None:
    from pptx import Presentation

    show = Presentation(io.BytesIO(files["pptx"]))
    charts = [shape.chart for slide in show.slides for shape in slide.shapes if shape.has_chart]
    assert len(charts) == 3
    percent, _ = sector_outcomes(result, "USA", "exports")
    sectors = charts[1].plots[0]
    assert list(sectors.categories) == [WORLD.sector_name(code) for code in WORLD.sectors]
    np.testing.assert_allclose(sectors.series[0].values, percent, rtol=1e-5)
    pictures = [shape for slide in show.slides for shape in slide.shapes if shape.shape_type == 13]
    assert len(pictures) == 1
    for slide in show.slides:
        text = " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
        assert result.content_hash in text and "lognormal firms" in text
    links = [run.hyperlink.address for slide in show.slides for shape in slide.shapes if shape.has_text_frame
             for paragraph in shape.text_frame.paragraphs for run in paragraph.runs if run.hyperlink.address]  # fmt: skip
    assert links and set(links) == {LINK}


def test_word_holds_text_tables_and_pictures(
    pack: Pack, files: dict[str, bytes], result: Equilibrium
) -> None:
    from docx import Document

    paper = Document(io.BytesIO(files["docx"]))
    text = "\n".join(paragraph.text for paragraph in paper.paragraphs)
    assert pack.title in text and pack.words[0] in text and "a <b> & c" in text
    assert len(paper.inline_shapes) == 4
    assert paper.tables[0].rows[1].cells[1].text == pack.number_rows()[0][1]
    assert result.content_hash in paper.sections[0].footer.paragraphs[0].text


def test_pdf_is_made_without_a_browser(files: dict[str, bytes]) -> None:
    assert files["pdf"].startswith(b"%PDF") and files["pdf"].count(b"/Type /Page\n") == 9
    assert LINK.encode() in files["pdf"]


def test_the_web_page_asks_nothing_of_anyone_and_holds_all_data(
    pack: Pack, files: dict[str, bytes], result: Equilibrium
) -> None:
    import base64

    page = files["html"].decode()
    # Nothing is loaded: the only addresses are links to be clicked.
    assert not re.findall(r"<script|<link |<img |src=|@import|url\(", page)
    assert set(re.findall(r'href="(http[^"]*)"', page)) == {LINK.replace("&", "&amp;")}
    assert "a &lt;b&gt; &amp; c" in page and "<b> & c" not in page
    mexico = float(outcome(result, "real_income").change[WORLD.country_index("MEX")])
    assert f"<title>Mexico: {change(mexico, '%')}</title>" in page
    table = base64.b64decode(re.findall(r"base64,([A-Za-z0-9+/=]+)", page)[0]).decode("utf-8-sig")
    rows = table.split("\n\n")[0].splitlines()
    assert len(rows) == 1 + len(WORLD.countries) and "Real income (%)" in rows[0]
    assert f",MEX,{mexico:.5f}"[:9] in table
    assert Scenario.from_yaml(pack.yaml) == SCENARIO


def test_one_archive_holds_all_files_and_the_scenario(files: dict[str, bytes]) -> None:
    assert list(files) == ["pdf", "pptx", "docx", "html", "yaml"]
    assert Scenario.from_yaml(files["yaml"]) == SCENARIO


def test_programmes_carry_their_stamps_and_no_record_of_a_firm() -> None:
    world, home = synthetic_world(), make_home()
    card = {"kind": "programme", "policy": "quality_certification", "take_up": 0.4, "unit_cost": 20_000.0}
    scenario = Scenario.parse({"cards": [card], "structure": {"family": "firms", "elasticity": 5.0}})
    found = compile(scenario, world, home).solve(None)
    path = LeverPath(scenario, world, home, None, world.countries[0])
    made = make_pack(
        scenario, found, country=world.countries[0], source="S.", programmes=path.programmes_told(found)
    )  # fmt: skip
    assert made.stamps and any("more export" in chart.title for chart in made.charts)
    page = to_page(made).decode()
    assert all(stamp.split(" ")[0] in page for stamp in made.stamps)
    names = [str(value) for value in home.firms.index[:5]] if home.firms.index.dtype == object else []
    assert not any(name in page for name in names) and json.dumps(made.yaml)


def test_shapes_lie_within_the_frame_and_colours_are_the_scale() -> None:
    left, right, *_ = frame()
    codes = {area.code for area in areas()}
    assert {"USA", "RUS", "FJI", "NZL"} <= codes and "ATA" not in codes
    for area in areas():
        for ring in area.rings:
            assert ring[:, 0].min() > left - 0.05 and ring[:, 0].max() < right + 0.05
            # No outline runs across the whole map, as one cut at the date line would.
            assert np.ptp(ring[:, 0]) < 0.6 * (right - left)
    assert projected(np.array([11.0]), np.array([0.0]))[0] == pytest.approx([0, 0])
    assert colour(0.0, 1.0) == "#f5f5f5" and colour(-2.0, 1.0) == "#543005" and colour(None, 1.0) == "#9a9a9a"
