"""Firm data: messy records in; a panel, its quality, and every step told, out."""

from __future__ import annotations

import io
import zipfile
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from firmtrade_core.codes.countries import country_name
from firmtrade_core.figures import Chart
from firmtrade_core.figures.firm_panel import missing_chart, premia_chart, size_distribution
from firmtrade_core.harmonise.example import messy_folder
from firmtrade_core.harmonise.pipeline import Outcome
from firmtrade_core.labels import grouped, in_percent, level, probability
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.world.world import World
from pages.parts.data.worlds import by_name
from pages.parts.firms.desk import Desk, current_desk, field_labels, on_loopback, required_fields
from pages.parts.firms.example_records import EXAMPLE, example_outcome
from pages.parts.frame import access, chart
from pages.parts.frame.jobs import say_why_not, watch
from pages.parts.frame.opened import allowed
from pages.parts.frame.page import complain, heading, open_page, table
from pages.parts.frame.templates import templates

_NOWHERE = "(not in this file)"

_KINDS = {
    "customs": "customs lines",
    "firms": "firms by year",
    "concordance": "concordance of product codes",
    "rates": "exchange rates",
    "partners": "list of partners' numbers",
    "corrections": "corrections",
}

_NUMBERS = {
    "": "ISO's or the UN's", "brazil": "Brazil's (Siscomex)", "chile": "Chile's customs'",
    "us": "US Census Bureau's", "eurostat": "Eurostat's", "fao": "the FAO's",
    "imf": "the IMF's", "cow": "Correlates of War", "fips": "FIPS 10-4", "ioc": "Olympic letters",
}  # fmt: skip

_EDITIONS = {
    "HS6": "HS 2022", "HS5": "HS 2017", "HS4": "HS 2012", "HS3": "HS 2007", "HS2": "HS 2002", "HS1": "HS 1996",
    "HS0": "HS 1988/92", "families": "families stable over all editions", "": "as declared",
}  # fmt: skip

_WEIGHTS = {"equal": "equally", "observed": "by the data's own trade"}

#: Largest archive made in memory; beyond it the page says where the files lie.
_LARGEST_ARCHIVE = 200 << 20

_REVIEWED_AT_ONCE = 200


# Before: files, columns, choices --------------------------------------------------------------------


def sentence(desk: Desk, outcome: Outcome | None) -> str:
    """The page in one sentence."""
    if outcome is not None:
        rows, kept = (sum(s[key] for s in outcome.sources) for key in ("rows", "kept"))
        known = [s for s in outcome.scorecard if s["value"] is not None]
        weakest = min(known, key=lambda s: s["value"])
        told = f"{grouped(kept)} of {grouped(rows)} rows make the panel; weakest is {weakest['dimension']} at {weakest['value']:.2f}"
        return f"{told} (invented example)" if desk.example else told
    if desk.files:
        return f"{len(desk.files)} files on the desk, not harmonised yet"
    return "No firm data yet: bring customs lines, a register, a survey"


def bring_files(desk: Desk) -> None:
    """Upload, folder, example."""
    left, right = st.columns(2, gap="large")
    with left:
        uploaded = access.uploader(
            "Files: CSV, TSV, workbook, Stata, Parquet",
            accept_multiple_files=True,
            key=f"firm_files_{desk.cleared}",
            help="Customs lines, registers, surveys, concordances (UNSD, WITS), exchange rates (date, currency, usd: needed for "
            "currencies that the European Central Bank does not quote, such as the Chilean peso), partners' numbers (code, "
            "country), corrections (field, text, meaning). They stay on this machine, in a private folder that goes with the session.",
        )
        # By upload, not by name: a corrected file under an earlier one's name takes its place.
        fresh = [f for f in uploaded or () if f.file_id not in desk.seen]
        for file in fresh:
            desk.seen.add(file.file_id)
            desk.put(file.name, file.getvalue())
        if fresh:
            st.rerun()
        templates("rates", "partners", "corrections")
    with right:
        if on_loopback():
            st.text_input(
                "Or a folder on this computer, for large files",
                key="firm_folder",
                placeholder="/data/customs",
                on_change=lambda: take_folder(desk),
            )
        row = st.container(horizontal=True, gap="small")
        row.button(
            "Try it on invented records",
            icon=":material/science:",
            on_click=lambda: take_example(desk),
            disabled=bool(desk.files),
            type="tertiary",
        )
        row.button(
            "Clear the desk",
            icon=":material/delete:",
            on_click=desk.clear,
            disabled=not desk.files,
            type="tertiary",
        )
    if desk.problem:
        complain("That did not work", desk.problem, "Your files and choices are still here.")


def take_folder(desk: Desk) -> None:
    """Put the files of a local folder on the desk, where they lie."""
    if access.refused("upload"):
        return
    folder = Path(str(st.session_state.get("firm_folder", "")).strip()).expanduser()
    try:
        found = (
            [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
            if str(folder) != "."
            else []
        )
    except OSError as error:
        desk.problem = f"{folder} cannot be opened: {error.strerror or error}."
        return
    desk.problem = "" if found else "That folder holds no files."
    desk.take([*desk.files, *(p for p in found if p.name not in {q.name for q in desk.files})])


def take_example(desk: Desk) -> None:
    """Put the invented example on the desk."""
    desk.example = True
    desk.choose(home=EXAMPLE.home, draws=EXAMPLE.draws, synthetic=EXAMPLE.synthetic)
    desk.take(sorted(messy_folder(desk.folder / "example").iterdir()))


def columns_of(desk: Desk) -> None:
    """Which column holds what: guessed, to be mended."""
    heading("What the files are", "Columns are guessed from their names; open a file to change them.")
    gaps = desk.gaps()
    for path in desk.files:
        kind = desk.kinds.get(path.name, "")
        words = _KINDS.get(kind, "left out")
        missing = gaps.get(path.name, [])
        asked = f": needs {', '.join(field_labels('customs')[f] for f in missing)}" if missing else ""
        if kind not in ("customs", "firms"):
            reason = "" if kind in _KINDS else f" ({kind or 'no customs lines, no firms, no codes'})"
            st.html(f'<p class="ft-step">{escape(path.name)}: {escape(words + reason)}</p>')
            continue
        with st.expander(f"{path.name}: {words}{asked}", expanded=bool(missing)):
            map_columns(desk, path.name, kind)


def map_columns(desk: Desk, name: str, kind: str) -> None:
    """One chooser for each field of a file; constants for required fields of customs lines."""
    chosen, options = desk.columns[name], [_NOWHERE, *desk.headers[name]]
    required = required_fields(kind)

    def choose(field: str, key: str) -> None:
        column = st.session_state[key]
        chosen.pop(field, None)
        if column != _NOWHERE:
            chosen[field] = column

    def hold(field: str, key: str) -> None:
        desk.constants.pop(field, None)
        if text := st.session_state[key].strip():
            desk.constants[field] = text

    cells = st.columns(4)
    for number, (field, label) in enumerate(field_labels(kind).items()):
        with cells[number % 4]:
            key = f"column_{name}_{field}"
            at = options.index(chosen[field]) if chosen.get(field) in options else 0
            words = label[0].upper() + label[1:] + (" *" if field in required else "")
            st.selectbox(words, options, at, key=key, on_change=choose, args=(field, key))
            if kind == "customs" and field in ("flow", "currency") and field not in chosen:
                hint = "export" if field == "flow" else "USD"
                held = f"constant_{name}_{field}"
                st.text_input(
                    f"{words}: same for every line", desk.constants.get(field, ""), key=held, placeholder=hint,
                    on_change=hold, args=(field, held),
                )  # fmt: skip


def choices(desk: Desk, world: World) -> None:
    """Country, edition, splitting, gaps."""
    heading("How to harmonise")
    countries = ["", *(c for c in by_name(world) if c != "ROW")]
    cells = st.columns(5, vertical_alignment="bottom")

    def keep(name: str, key: str) -> None:
        chosen = st.session_state[key]
        desk.choose(**{name: None if chosen == "" else chosen})

    def chooser(cell: Any, name: str, label: str, options: list[Any], words: Any, tip: str) -> None:
        now = getattr(desk.choices, name)
        at = options.index("" if now is None else now)
        key = f"choice_{name}"
        cell.selectbox(
            label, options, at, key=key, format_func=words, on_change=keep, args=(name, key), help=tip
        )

    chooser(
        cells[0], "home", "Reporting country", countries, lambda c: country_name(c) if c else "not compared",
        "Customs totals are held against this country's flows in the world's accounts.",
    )  # fmt: skip
    chooser(
        cells[1], "edition", "Products told in", list(_EDITIONS), _EDITIONS.__getitem__,
        "Needs concordance files among yours; without them codes stay as declared.",
    )  # fmt: skip
    chooser(
        cells[2], "weights", "Codes that became several are split", list(_WEIGHTS), _WEIGHTS.__getitem__,
        "Totals stay the same either way.",
    )  # fmt: skip
    chooser(
        cells[3], "draws", "Gaps of firm tables", [0, 5, 10, 20],
        lambda n: f"filled in {n} completed tables" if n else "left as they are",
        "Chained equations with predictive mean matching; later estimates are pooled by Rubin's rules.",
    )  # fmt: skip
    chooser(
        cells[4], "partners", "Codes of partners are", list(_NUMBERS), _NUMBERS.__getitem__,
        "Customs offices, funds and researchers have codes of their own. Another list: put a table (code, country) among the files.",
    )  # fmt: skip


# Work -----------------------------------------------------------------------------------------------


def work(desk: Desk) -> None:
    """Start, progress, cancel, go on."""
    status = desk.status()
    if status is not None and not status.finished:
        watch(desk.status, desk.cancel, key="cancel_harmonise")
        return
    usable = any(kind in ("customs", "firms") for kind in desk.kinds.values()) and not desk.gaps()
    again = status is not None and status.state in ("cancelled", "lost", "failed")
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    row.button(
        "Go on" if again else ("Harmonise again" if status else "Harmonise"),
        type="primary",
        icon=":material/cleaning_services:",
        on_click=desk.start,
        disabled=not usable,
        key="harmonise",
    )
    if not usable:
        row.html(
            '<p class="ft-quiet">Say which column holds what is still missing, or what holds for every line.</p>'
        )
    if status is not None:
        say_why_not(status, "It could not be harmonised", "Mend it and go on; finished steps are kept.")


# After: quality, steps, review, provenance ----------------------------------------------------------


def scorecard(outcome: Outcome) -> None:
    """Six numbers, each with what it rests on."""
    heading("How good the records are", "0 to 1, each with what lowers it.")
    rows = "".join(
        f'<tr><th title="{escape(s["meaning"])}">{escape(s["dimension"].capitalize())}</th>'
        f"<td>{'not told' if s['value'] is None else format(s['value'], '.3f')}</td>"
        f'<td><i style="--share: {s["value"] or 0:.4f}"></i></td>'
        f"<td>{escape(s['meaning'])}. {escape('; '.join(s['evidence'][:2]))}</td></tr>"
        for s in outcome.scorecard
    )
    st.html(
        "<style>.ft-score td:nth-child(3) i { display: block; width: 7rem; height: 0.55rem; background: linear-gradient("
        "to right, var(--ft-accent) calc(100% * var(--share)), color-mix(in srgb, currentColor 14%, transparent) 0); }"
        ".ft-score.ft-score td { text-align: left; } .ft-score.ft-score td:last-child { white-space: normal; }</style>"
        f'<div class="ft-table ft-score" tabindex="0" role="region" aria-label="Quality scorecard"><table>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def steps(outcome: Outcome) -> None:
    """Before and after each step."""
    heading("Before and after each step")
    rows = [
        (
            s["step"],
            f"{grouped(s['before'])} → {grouped(s['after'])}",
            s["unit"],
            "" if s["value_usd"] is None else grouped(s["value_usd"] / 1e6, ".1f"),
        )
        for s in outcome.steps
    ]
    table(
        "Before and after each step",
        ("Step", "Before → after", "Of what", "Value after, m USD"),
        rows,
        words=("Of what",),
        headed=False,
    )


def findings(outcome: Outcome) -> None:
    """Everything found, by rule."""
    heading(
        "What was found",
        "Rows set aside are in the quarantine file with their rule; repaired cells are in the log with what stood there, codes in the product mapping.",
    )
    words = {
        "quarantined": "set aside",
        "repaired": "repaired",
        "flagged": "marked, kept",
        "noted": "noted",
    }
    rows = [
        (f"{f['title'][0].upper()}{f['title'][1:]}", grouped(f["rows"]), in_percent(f['share']), words[f["action"]],
         "; ".join(f["examples"][:2]) or f["advice"])
        for f in outcome.findings
    ]  # fmt: skip
    table(
        "What was found",
        ("Rule", "Rows", "Share", "What was done", "For example, or advice"),
        rows,
        words=("What was done", "For example, or advice"),
        headed=False,
        whole=False,
    )


def mirror(outcome: Outcome) -> None:
    """Customs totals against the world."""
    if outcome.mirror is None:
        return
    m = outcome.mirror
    heading(
        f"Against the world: customs hold {100 * m['ratio']:.2g}\u202f% of {country_name(m['home'])}'s exports of goods",
        f"Customs of {m['year']}, world's accounts of {m['world_year']}. Scaling reaches "
        f"{100 * m['scalable']:.2g}\u202f% of the world's flows; the rest is not scaled:",
    )
    rows = [
        (r["reason"], grouped(r["cells"]), grouped(r["world"]), grouped(r["customs"]))
        for r in m["not_scaled"]
    ]
    head = ("Why not scaled", "Cells", "World, m USD", "Customs, m USD")
    table("Why cells are not scaled", head, rows, units={"Cells": "count"}, headed=False)


def gaps(outcome: Outcome) -> None:
    """Where values are missing, on what that depends, and how filled values compare."""
    if not outcome.gaps:
        return
    missing = pd.DataFrame(outcome.gaps["missing"]).T
    missing = missing[missing.max(axis=1) > 0]
    if missing.empty:
        return
    labels = field_labels("firms")
    heading("Where values are missing", "Share missing by year, %.")
    rows = [
        (labels.get(str(name), str(name)).capitalize(), *(f"{100 * float(v):.1f}" for v in shares))
        for name, shares in zip(missing.index, missing.to_numpy(), strict=True)
    ]
    years = [str(int(y)) for y in missing.columns]
    units = dict.fromkeys(years, "%")
    table(
        "Share missing by year",
        ("Column", *years),
        rows,
        units=units,
        units_said=True,
        headed=False,
        whole=False,
    )
    tests = [t for t in outcome.gaps["tests"] if t["p"] < 0.05]
    if tests:
        first = tests[0]
        st.html(
            f'<p class="ft-quiet">Gaps are not completely at random: where {escape(labels.get(first["column"], first["column"]))} '
            f"is missing, {escape(labels.get(first['seen'], first['seen']))} differs by {first['difference']:+.2f} "
            f"standard deviations ({probability(first['p'])}, Holm).</p>".replace("-", "\u2212", 1)
        )
    if "comparison" in outcome.gaps:
        heading("Filled values beside observed ones", f"{outcome.gaps['draws']} completed tables. Imputed.")
        rows = [
            (labels.get(c["column"], c["column"]).capitalize(), grouped(c["observed"]), grouped(c["filled"]),
             *(grouped(c[name], ".4g") for name in ("mean_observed", "mean_filled")), f"{c['ks']:.3f}", probability(c["p"], named=False))
            for c in outcome.gaps["comparison"]
        ]  # fmt: skip
        head = ("Column", "Observed", "Filled", "Mean observed", "Mean filled", "KS distance", "p")
        units = {"Observed": "count", "Filled": "count", "KS distance": "index, 0 to 1", "p": "probability"}
        units |= dict.fromkeys(("Mean observed", "Mean filled"), "the attribute's own unit")
        table("Filled and observed", head, rows, units=units, headed=False)


def firms(desk: Desk, outcome: Outcome) -> None:
    """What the panel's firms look like; no bar rests on fewer than five."""
    pictures = desk.pictures(lambda: _pictures(outcome))
    if not pictures:
        return
    heading(
        "The firms of the panel",
        "Cells of fewer than five firms, and those that would give them away, stay empty.",
    )
    left, right = st.columns(2, gap="large")
    for name, picture in pictures.items():
        with left if name == "sizes" else right:
            if isinstance(picture, str):
                st.html(f'<p class="ft-empty">{escape(picture)}</p>')
            else:
                chart.draw(picture, key=f"firms_{name}", result=f"{name}{outcome.sources[0]['sha256']}")


def _pictures(outcome: Outcome) -> dict[str, Chart | str]:
    """Charts of the harmonised panel, or why there is none."""
    folder = outcome.folder / "panel"
    if not (folder / "firms.parquet").is_file():
        return {}
    panel = FirmPanel.from_parquet(folder)
    found: dict[str, Chart | str] = {}
    for name, make in (("sizes", size_distribution), ("premia", premia_chart), ("missing", missing_chart)):
        try:
            found[name] = make(panel)
        except PanelError as error:
            found[name] = str(error)
    return found


def review(desk: Desk, outcome: Outcome) -> None:
    """Pairs of names for a person to decide."""
    if outcome.linkage is None or outcome.review is None:
        return
    linkage = outcome.linkage
    heading(
        f"{grouped(linkage['linked'])} firms linked by name, {grouped(linkage['to_review'])} pairs to look at",
        f"Linked from a probability of {linkage['accept']:.2f}; the model expects {level(100 * linkage['expected_precision'], '%')} "
        "of links to be right.",
    )
    if not on_loopback():
        st.html('<p class="ft-quiet">Names of firms are shown only on the machine itself.</p>')
        return
    if not outcome.review.is_file():
        return
    pairs = pd.read_parquet(outcome.review).head(_REVIEWED_AT_ONCE)
    if pairs.empty:
        return
    shown = pd.DataFrame(
        {"Same firm?": None, "In customs": pairs["left_name"], "In the table": pairs["right_name"],
         "Probability": pairs["probability"], "Why shown": pairs["reason"]}
    ).astype({"Same firm?": "object"})  # fmt: skip
    edited = st.data_editor(
        shown,
        hide_index=True,
        width="stretch",
        height=min(400, 40 + 35 * len(shown)),
        disabled=["In customs", "In the table", "Probability", "Why shown"],
        column_config={
            "Same firm?": st.column_config.SelectboxColumn(options=["yes", "no"], width="small"),
            "Probability": st.column_config.NumberColumn(format="%.3f", width="small"),
        },
        key="linkage_review",
    )
    decided = edited["Same firm?"].isin(["yes", "no"])

    def apply() -> None:
        ruled = pairs.loc[decided, ["left", "right"]].assign(same=edited.loc[decided, "Same firm?"].eq("yes"))
        before = desk.decisions if desk.decisions is not None else ruled.head(0)
        desk.decisions = pd.concat([before, ruled]).drop_duplicates(["left", "right"], keep="last")
        desk.start()

    st.button(
        f"Apply {int(decided.sum())} decisions and harmonise again",
        on_click=apply,
        disabled=not decided.any(),
        key="apply_review",
    )


def provenance(outcome: Outcome) -> None:
    """Which files the panel rests on, down to their hashes."""
    heading("Where it comes from")
    rows = [
        (
            s["file"],
            _KINDS.get(s["kind"], s["kind"]),
            f"{grouped(s['kept'])} of {grouped(s['rows'])}",
            s["sha256"],
        )
        for s in outcome.sources
    ]
    head = ("File", "What it is", "Rows kept", "SHA-256")
    table("Provenance", head, rows, words=("What it is",), headed=False)
    if outcome.notes:
        with st.expander(f"{len(outcome.notes)} notes on how the files were read"):
            items = "".join(f"<li>{escape(note)}</li>" for note in outcome.notes)
            st.html(f'<ul class="ft-list">{items}</ul>')


def take_away(outcome: Outcome) -> None:
    """The panel, the log and the scorecard as one archive."""
    files = [path for path in outcome.folder.rglob("*") if path.is_file() and ".steps" not in path.parts]
    if not on_loopback():
        st.html(
            '<p class="ft-quiet">The panel holds single firms: it is downloaded only on the machine itself.</p>'
        )
        return
    if sum(path.stat().st_size for path in files) > _LARGEST_ARCHIVE:
        st.html(
            '<p class="ft-quiet">The panel is too large for the browser: use the verb harmonise, which writes a folder.</p>'
        )
        return
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in files:
            packed.write(path, path.relative_to(outcome.folder))
    st.download_button(
        "Download panel, log, quarantine and scorecard",
        archive.getvalue(),
        "firm_panel.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="download_panel",
    )


def page(world: World) -> None:
    """The page, top to bottom."""
    desk = current_desk()
    outcome = desk.outcome()
    st.html(f'<h1 class="ft-sentence">{escape(sentence(desk, outcome))}</h1>')
    bring_files(desk)
    if not desk.files:
        st.html(
            '<p class="ft-empty">Files are read in this process and stay on this disk. Names are used only to link '
            "firms; the panel holds identifiers hashed with a secret kept apart.</p>"
        )
        shown = example_outcome()
        if shown is not None:
            st.html(
                '<p class="ft-step" data-label="invented"><span class="ft-tag" style="margin-left:0">synthetic</span> What comes out, '
                "told of an invented customs office and register of Chile; “Try it” puts these records on your desk.</p>"
            )
            scorecard(shown)
            steps(shown)
            findings(shown)
        return
    if outcome is None:
        columns_of(desk)
        choices(desk, world)
        work(desk)
        return
    if not desk.example and not allowed("harmonised firms", desk.job.folder.name if desk.job else "", "Data"):
        return
    scorecard(outcome)
    take_away(outcome)
    left, right = st.columns(2, gap="large")
    with left:
        steps(outcome)
        mirror(outcome)
    with right:
        gaps(outcome)
    findings(outcome)
    firms(desk, outcome)
    review(desk, outcome)
    provenance(outcome)
    if st.toggle("Change columns or choices", key="firm_change"):
        columns_of(desk)
        choices(desk, world)
    work(desk)


page(open_page("Firm data"))
