"""Pictures of every page, to be looked at: 1280 and 1920 px wide, light and dark.

python benchmarks/screenshots.py [--folder output/screenshots]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.browser import CHROMIUM, FLAGS
from firmtrade_core.cli.serving import serving
from firmtrade_core.paths import PROJECT

READY = '.ft-chart[data-kind="map"][data-result], .ft-facts'


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


def _impossible(page: Any) -> None:
    page.get_by_role("combobox", name="On imports from").fill("United States")
    page.get_by_role("option", name="United States", exact=True).click()
    page.keyboard.press("Escape")


#: What is pictured: name, path, what to do on the page first.
VIEWS: tuple[tuple[str, str, Any], ...] = (
    ("briefing", "", None),
    ("lab", "lab", None),
    ("lab_schedule", "lab", _schedule),
    ("lab_flows", "lab", _flows),
    ("lab_choices", "lab", _choices),
    ("lab_stack", "lab", _stack),
    ("lab_impossible", "lab", _impossible),
    ("data", "data", None),
)


def take(address: str, folder: Path) -> list[Path]:
    """Picture every view at both widths in both schemes, whole page."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for scheme in ("light", "dark"):
            for width, height in ((1280, 800), (1920, 1080)):
                for name, path, act in VIEWS:
                    context = browser.new_context(
                        viewport={"width": width, "height": height}, color_scheme=scheme
                    )
                    page = context.new_page()
                    page.goto(f"{address}/{path}")
                    page.wait_for_selector(READY)
                    page.wait_for_timeout(700)
                    if act is not None:
                        act(page)
                        page.wait_for_timeout(1200)
                    tall = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
                    page.set_viewport_size({"width": width, "height": max(height, int(tall))})
                    page.wait_for_timeout(500)
                    taken.append(folder / f"{name}_{width}_{scheme}.png")
                    page.screenshot(path=str(taken[-1]))
                    context.close()
        browser.close()
    return taken


def main() -> None:
    """Start the dashboard, take the pictures, say where they lie."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=PROJECT / "output" / "screenshots")
    folder = parser.parse_args().folder
    with serving("127.0.0.1", 8751, environment={"FIRMTRADE_WORLD": ""}) as server:
        taken = take(server.address, folder)
    print(f"{len(taken)} pictures in {folder}")


if __name__ == "__main__":
    main()
