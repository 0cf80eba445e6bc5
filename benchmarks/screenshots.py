"""Pictures of every page, to be looked at: 1280 and 1920 px wide, light and dark.

python benchmarks/screenshots.py [--folder output/screenshots] [--only lab] [--width 1280] [--scheme light]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.browser import CHROMIUM, FLAGS
from firmtrade_core.cli.serving import serving
from firmtrade_core.paths import PROJECT
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame.page import PAGES

MAP = '.ft-chart[data-kind="map"][data-result]'

#: Milliseconds that a page may take.
PATIENCE = 120_000

FEW = ("BRA", "CHN", "DEU", "USA")

READY = ".ft-chart[data-result], .ft-numbers, .ft-facts, .ft-heading, .ft-error, .ft-sentence, .stMain h1, .stFileUploader"


def _schedule(page: Any) -> None:
    page.get_by_role("combobox", name="Presets").click()
    page.get_by_role("option", name="US tariff schedule of 2 April 2025", exact=True).click()


def _flows(page: Any) -> None:
    page.locator(".stMain").get_by_text("Trade flows").click()


def _choices(page: Any) -> None:
    page.get_by_role("button", name="Model choices").click()


def _stack(page: Any) -> None:
    page.get_by_role("combobox", name="Add a policy").click()
    page.get_by_role("option", name="Free-trade area").click()


def _more(page: Any) -> None:
    page.get_by_role("combobox", name="Retaliation").click()
    page.get_by_role("option", name="A list of measures").click()
    page.wait_for_timeout(600)
    page.locator(".st-key-card_0_more button").first.click()


def _share(page: Any) -> None:
    page.get_by_role("button", name="Share, save, open").click()


def _against(page: Any) -> None:
    box = page.get_by_role("combobox", name="Read against")
    box.click()
    page.get_by_role("option", name="This scenario as it is now").click()
    page.wait_for_timeout(600)
    _schedule(page)


def _impossible(page: Any) -> None:
    page.get_by_role("combobox", name="On imports from").fill("United States")
    page.get_by_role("option", name="United States", exact=True).click()
    page.keyboard.press("Escape")


#: Height of the window by its width.
HEIGHTS = {1280: 800, 1920: 1080}


def _where_from(page: Any) -> None:
    page.get_by_role("button", name="Where from").first.click()
    page.locator("[role=dialog] .katex").first.wait_for()


def _take_away(page: Any) -> None:
    page.get_by_role("button", name="Take away").click()


def _code(page: Any) -> None:
    _take_away(page)
    page.get_by_role("tab", name="Show me the code").click()


def _side_by_side(page: Any) -> None:
    page.get_by_role("combobox", name="First").fill("EU-Mercosur")
    page.get_by_role("option", name="EU-Mercosur").first.click()
    page.locator(MAP).nth(2).wait_for()


def _bring(page: Any, broken: bool) -> None:
    chooser = page.get_by_role("combobox", name="What you have")
    chooser.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    chooser.click()
    page.get_by_role("option", name="A table of flows").click()
    table = load_embedded_world().to_long().drop(columns="subsidy").astype({"expenditure_musd": object})
    table = table[table["exporter"].isin(FEW) & table["importer"].isin(FEW)].reset_index(drop=True)
    if broken:
        table.loc[3, "expenditure_musd"], table.loc[10, "expenditure_musd"] = -4, "1,5"
        table.loc[20:25, "exporter"] = "GER"
    content = table.to_csv(index=False).encode()
    file = {"name": "flows.csv", "mimeType": "text/csv", "buffer": content}
    page.locator(".st-key-bring_table input[type=file]").set_input_files([file])
    page.locator(".ft-report, .ft-good").first.wait_for()


def _good_file(page: Any) -> None:
    _bring(page, broken=False)


def _bad_file(page: Any) -> None:
    _bring(page, broken=True)


#: What is pictured: name, path, what to do on the page first.
VIEWS: tuple[tuple[str, str, Any], ...] = (
    ("front", "", None),
    ("briefing", "briefing", None),
    *((f"room_{step}", f"?present={step}", None) for step in range(1, 8)),
    ("lab", "lab", None),
    ("lab_schedule", "lab", _schedule),
    ("lab_flows", "lab", _flows),
    ("lab_partners", "lab?view=partners", None),
    ("lab_groups", "lab?view=groups", None),
    ("lab_replaced", "lab?view=replaced", None),
    ("lab_choices", "lab", _choices),
    ("lab_more", "lab", _more),
    ("lab_share", "lab", _share),
    ("lab_against", "lab", _against),
    ("lab_stack", "lab", _stack),
    ("lab_impossible", "lab", _impossible),
    ("lab_broken_link", "lab?s=1.AAAA", None),
    *(
        (name, name, None)
        for pages in PAGES.values()
        for name, _ in pages
        if name not in ("briefing", "lab") and (PROJECT / "pages" / f"{name}.py").exists()
    ),
    ("lab_where_from", "lab", _where_from),
    ("lab_take_away", "lab", _take_away),
    ("lab_code", "lab", _code),
    ("compare_two", "compare", _side_by_side),
    ("data_good_file", "data", _good_file),
    ("data_bad_file", "data", _bad_file),
)


def take(
    address: str, folder: Path, only: str = "", widths: tuple[int, ...] = (), schemes: tuple[str, ...] = ()
) -> list[Path]:
    """Picture every view at both widths in both schemes, whole page, or those asked for."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for scheme in schemes or ("light", "dark"):
            for width in widths or tuple(HEIGHTS):
                for name, path, act in VIEWS:
                    if name.startswith(only):
                        taken.append(_take(browser, f"{address}/{path}", act, scheme, width, folder / name))
        browser.close()
    return taken


def _take(browser: Any, where: str, act: Any, scheme: str, width: int, stem: Path) -> Path:
    height = HEIGHTS[width]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(where)
    page.wait_for_selector(READY)
    _settle(page)
    if act is not None:
        act(page)
        _settle(page)
    if "present" not in where:
        tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": max(height, int(tall))})
        page.wait_for_timeout(600)
    path = stem.with_name(f"{stem.name}_{width}_{scheme}.png")
    page.screenshot(path=str(path))
    context.close()
    return path


def _settle(page: Any) -> None:
    """Wait until nothing on the page is on its way any more."""
    page.wait_for_timeout(1200)
    # On a busy machine charts come long after the words around them.
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning' && !document.querySelector("
        "'.ft-chart:not([data-result]):not([data-failed]), [data-testid=stSkeleton], [data-stale=true], "
        "[data-testid=stStatusWidget]')",
    )
    page.wait_for_timeout(500)


def main() -> None:
    """Start the dashboard, take the pictures, say where they lie."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=PROJECT / "output" / "screenshots")
    parser.add_argument("--only", default="", help="views whose name begins so")
    parser.add_argument("--width", type=int, choices=tuple(HEIGHTS))
    parser.add_argument("--scheme", choices=("light", "dark"))
    given = parser.parse_args()
    widths = (given.width,) if given.width else ()
    schemes = (given.scheme,) if given.scheme else ()
    with tempfile.TemporaryDirectory() as shelf:
        environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_LIBRARY": f"sqlite:///{shelf}/scenarios.sqlite"}
        with serving("127.0.0.1", 8751, environment=environment, patience=PATIENCE / 1000) as server:
            taken = take(server.address, given.folder, given.only, widths, schemes)
    print(f"{len(taken)} pictures in {given.folder}")


if __name__ == "__main__":
    main()
