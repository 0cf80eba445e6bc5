"""Pictures of every page, to be looked at: 390, 1280, 1366 and 1920 px wide, light and dark.

    python benchmarks/screenshots.py [--folder output/screenshots] [--only lab] [--width 1280] [--scheme light]

Every view is opened once on a wide window and once on a telephone's, then drawn anew at each width in each scheme. A view that
cannot be reached is named with what its page said, and the others go on; so is one that is wider than its window.
Exits 1 where there is any.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.browser import CHROMIUM, FLAGS, programme_link
from firmtrade_core.cli.serving import serving
from firmtrade_core.paths import PROJECT
from firmtrade_core.world.embedded import load_embedded_world
from pages.parts.frame.page import PAGES

MAP = '.ft-chart[data-kind="map"][data-result]'

#: Milliseconds that a page may take.
PATIENCE = 60_000

FEW = ("BRA", "CHN", "DEU", "USA")

#: What a page shows once it is there; of a room, that its first answer is solved.
READY = (
    ".ft-chart[data-result], .ft-numbers, .ft-facts, .ft-heading, .ft-error, .ft-sentence, .stMain h1, .stFileUploader, "
    "body[data-result]:not([data-result=''])"
)


def _pick(page: Any, label: str, option: str) -> None:
    """Pick an option of a list; a list closes where the page moves below it, so the page moves first."""
    box = page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


def _schedule(page: Any) -> None:
    _pick(page, "Presets", "US tariff schedule of 2 April 2025")


def _flows(page: Any) -> None:
    page.locator(".stMain").get_by_text("Trade flows").click()


def _choices(page: Any) -> None:
    page.locator(".st-key-structure summary").click()


def _embargo(page: Any) -> None:
    _pick(page, "Add a policy", "Embargo")


def _present(slide: int) -> Any:
    def act(page: Any) -> None:
        page.get_by_role("button", name="Present", exact=True).click()
        page.wait_for_url("**/room/**")
        page.wait_for_selector("body[data-result]:not([data-result=''])")
        for _ in range(slide):
            page.keyboard.press("PageDown")

    return act


def _stack(page: Any) -> None:
    _pick(page, "Add a policy", "Free-trade area")


def _more(page: Any) -> None:
    _pick(page, "Retaliation", "A list of measures")
    page.wait_for_timeout(600)
    page.locator(".st-key-card_0_more button:visible").first.click()


def _share(page: Any) -> None:
    page.get_by_role("button", name="Share, save, open").click()


def _against(page: Any) -> None:
    _pick(page, "Read against", "This scenario as it is now")
    page.wait_for_timeout(600)
    _schedule(page)


def _impossible(page: Any) -> None:
    _pick(page, "Add a policy", "Tariff")
    _settle(page)
    page.get_by_role("combobox", name="On imports from").fill("United States")
    page.get_by_role("option", name="United States", exact=True).click()
    page.keyboard.press("Escape")


#: Height of the window by its width.
HEIGHTS = {390: 844, 1280: 800, 1366: 768, 1920: 1080}

#: Windows narrower than this fold the menu away, which they do as they open.
NARROW = 800


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
    *((f"room_{slide + 1}", "briefing", _present(slide)) for slide in range(6)),
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
    ("lab_embargo", "lab", _embargo),
    ("lab_chile", "lab?country=CHL", None),
    ("lab_programme", programme_link(), None),
    ("room_programme", programme_link().replace("lab?", "briefing?"), _present(5)),
    ("firm_view_chile", "firm_view?country=CHL", None),
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
) -> tuple[list[Path], list[str]]:
    """Picture every view, or those whose name begins so: the pictures, and what went wrong."""
    from playwright.sync_api import Error, sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    wrong: list[str] = []
    wanted = widths or tuple(HEIGHTS)
    windows = [
        found for found in ([w for w in wanted if w < NARROW], [w for w in wanted if w >= NARROW]) if found
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name, path, act in VIEWS:
            for window in windows if name.startswith(tuple(only.split(","))) else ():
                context = browser.new_context(
                    viewport={"width": window[0], "height": HEIGHTS[window[0]]}, color_scheme="light"
                )
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                try:
                    _reach(page, f"{address}/{path}", act)
                    for scheme in schemes or ("light", "dark"):
                        for width in window:
                            taken.append(_picture(page, scheme, width, folder / name))
                            wrong += [f"{name} at {width} px: {words}" for words in _too_wide(page)]
                except Error as error:
                    said = page.evaluate("document.body.innerText.slice(0, 300)")
                    wrong.append(f"{name} at {window[0]} px: {error.message[:600]} It says: {said!r}")
                    print(wrong[-1], flush=True)
                print(name, *window, flush=True)
                context.close()
        browser.close()
    return taken, wrong


def _reach(page: Any, where: str, act: Any) -> None:
    """Open a page and do on it what there is to do."""
    page.goto(where)
    page.wait_for_selector(READY)
    _settle(page)
    if act is not None:
        act(page)
        _settle(page)


def _picture(page: Any, scheme: str, width: int, stem: Path) -> Path:
    """The whole page at a width in a scheme."""
    height = HEIGHTS[width]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    _settle(page)
    tall = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
    if tall > height:
        page.set_viewport_size({"width": width, "height": int(tall)})
        page.wait_for_timeout(600)
    path = stem.with_name(f"{stem.name}_{width}_{scheme}.png")
    page.screenshot(path=str(path))
    return path


def _too_wide(page: Any) -> list[str]:
    """Whether the page itself has to be pushed sideways to be read."""
    found = page.evaluate(
        "['html', '[data-testid=stMain]'].map((s) => document.querySelector(s)).filter(Boolean)"
        ".filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => `${e.tagName} is ${e.scrollWidth} px wide`)"
    )
    return list(found)


def _settle(page: Any) -> None:
    """Wait until nothing on the page is on its way any more; a room has no script that could run."""
    page.wait_for_timeout(800)
    # On a busy machine charts come long after the words around them.
    page.wait_for_function(
        "() => { const app = document.querySelector('[data-testid=stApp]');"
        " return (app ? app.dataset.testScriptState === 'notRunning' : document.body.dataset.result)"
        " && !document.querySelector('.ft-chart:not([data-result]):not([data-failed]), [data-testid=stSkeleton], "
        "[data-stale=true], [data-testid=stStatusWidget]'); }"
    )
    page.wait_for_timeout(400)


def main() -> None:
    """Start the dashboard, take the pictures, say where they lie."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=PROJECT / "output" / "screenshots")
    parser.add_argument("--only", default="", help="views whose name begins so; several with commas between")
    parser.add_argument("--width", type=int, choices=tuple(HEIGHTS))
    parser.add_argument("--scheme", choices=("light", "dark"))
    given = parser.parse_args()
    widths = (given.width,) if given.width else ()
    schemes = (given.scheme,) if given.scheme else ()
    with tempfile.TemporaryDirectory() as shelf:
        environment = {"FIRMTRADE_WORLD": "", "FIRMTRADE_LIBRARY": f"sqlite:///{shelf}/scenarios.sqlite"}
        with serving("127.0.0.1", 8751, environment=environment, patience=PATIENCE / 1000) as server:
            taken, wrong = take(server.address, given.folder, given.only, widths, schemes)
    print(f"{len(taken)} pictures in {given.folder}")
    print("\n".join(wrong))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
