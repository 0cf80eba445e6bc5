"""``optimise``: the rates that serve a country best, or a tariff war's end, with certificates."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from firmtrade_core.analysis.optimal import BestResponse, Nash
    from firmtrade_core.scenarios import Scenario

_WORDS = {
    "tariff": "points on its tariffs",
    "export_tax": "points of tax on its exports",
    "production_subsidy": "points of subsidy to its producers",
}


def optimise(
    country: Annotated[str | None, typer.Argument(help="Whose policy, by code; not with --nash.")] = None,
    instrument: Annotated[
        str, typer.Option(help="uniform (the default), sector, or partner_sector.")
    ] = "uniform",
    lever: Annotated[
        str, typer.Option(help="tariff (the default), export_tax or production_subsidy.")
    ] = "tariff",
    objective: Annotated[str, typer.Option(help="real_income (the default) or duties.")] = "real_income",
    war: Annotated[
        str | None, typer.Option("--nash", help="Codes parted by commas: best responses until none moves.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="SCENARIO.yaml", help="What else is in force, and the structure.")
    ] = None,
    sectors: Annotated[
        str | None,
        typer.Option(help="Sectors covered, codes or groups parted by commas; all goods unless given."),
    ] = None,
    lowest: Annotated[float, typer.Option(help="Least rate, a fraction.")] = -0.25,
    highest: Annotated[float, typer.Option(help="Largest rate, a fraction.")] = 2.0,
    world_file: Annotated[
        Path | None, typer.Option("--world", help="A world file; the embedded world unless given.")
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option(help="How firms differ: differing (the default), none, alike, pareto, lognormal."),
    ] = None,
    elasticity: Annotated[
        str | None, typer.Option(help="Trade elasticity: one number, or a published set such as CP.")
    ] = None,
    markups: Annotated[
        str | None, typer.Option(help="Markups: a published set such as LL (the default), a number, or none.")
    ] = None,
    deficits: Annotated[
        str | None, typer.Option(help="Trade deficits: proportional (the default) or removed.")
    ] = None,
    tries: Annotated[
        int, typer.Option(min=0, help="Random answers that the certificate is held against.")
    ] = 6,
    starts: Annotated[
        int, typer.Option(min=0, help="Further climbs from random starts; not with --nash.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Of the random answers.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the answer to this file as a scenario.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Best policy of a country or Nash among several; exits 1 if the certificate does not hold, 2 on wrong input."""
    from firmtrade_core.analysis.optimal import OptimumError, best_response, nash
    from firmtrade_core.cli.solve import STRUCTURES, _number_or_name, _stop, _with_structure, _world
    from firmtrade_core.cli.solve import _scenario as read_scenario
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.margins import FirmsError, TailError
    from firmtrade_core.paths import write_whole
    from firmtrade_core.scenarios import Scenario, ScenarioError, compile
    from firmtrade_core.world.errors import WorldError

    try:
        if (country is None) == (war is None):
            raise OptimumError("Give a country, or --nash with several: one of the two.")
        if structure is not None and structure not in STRUCTURES:
            raise OptimumError(f"{structure!r} is no structure; choose {', '.join(STRUCTURES)}.")
        given = Scenario() if against is None else read_scenario(against, None)
        given = _with_structure(
            given,
            {
                "family": None if structure is None else STRUCTURES[structure],
                "elasticity": None if elasticity is None else _number_or_name(elasticity),
                "deficits": deficits,
            },
            markups,
        )
        began = time.perf_counter()
        compiled = compile(given, _world(world_file))
        asked: dict[str, Any] = {
            "instrument": instrument,
            "shock": compiled.shock,
            "sectors": None if sectors is None else [name.strip() for name in sectors.split(",")],
            "bounds": (lowest, highest),
            "tries": tries,
            "seed": seed,
        }
        found: BestResponse | Nash
        if war is not None:
            if lever != "tariff" or objective != "real_income":
                raise OptimumError("A tariff war is fought with tariffs, for real income.")
            who = [code.strip() for code in war.split(",")]
            found = nash(compiled.world, compiled.parameters, who, **asked)
            answers = list(found.responses.values())
        else:
            assert country is not None
            asked |= {"lever": lever, "objective": objective, "starts": starts}
            found = best_response(compiled.world, compiled.parameters, country, **asked)
            answers = [found]
        seconds = time.perf_counter() - began
        turns = _turns(found)
        if out is not None:
            write_whole(out, _scenario(given, answers).to_yaml())
    except (ScenarioError, WorldError, OptimumError, FirmsError, TailError) as error:
        _stop(str(error), 2, as_json)
    except EquilibriumError as error:
        _stop(str(error), 1, as_json)
    except OSError as error:
        _stop(f"{error.filename or 'The file'} cannot be read or written: {error.strerror}.", 2, as_json)
    if as_json:
        typer.echo(json.dumps(_content(found, answers, seconds) | turns, allow_nan=False))
    else:
        typer.echo(
            "\n".join(
                [
                    *(f"note: {note}" for note in compiled.report),
                    *_page(found, answers, seconds),
                    *_turn_lines(turns),
                ]
            )
        )
    if not found.holds:
        raise typer.Exit(1)


def _scenario(given: Scenario, answers: list[BestResponse]) -> Scenario:
    """What was in force with the answers on top."""
    cards = [card for answer in answers for card in answer.cards()]
    who = ", ".join(answer.country for answer in answers)
    name = f"Best policy of {who}" if len(answers) == 1 else f"Nash tariffs of {who}"
    return given.with_(name=name[:120], cards=(*given.cards, *cards))


def _turns(found: BestResponse | Nash) -> dict[str, float | None]:
    """Rates at which a uniform tariff's gain is gone; empty for other answers."""
    from firmtrade_core.analysis.optimal import BestResponse, break_even, tipping_retaliation

    if not isinstance(found, BestResponse) or found.instrument != "uniform" or found.gain <= 0:
        return {}
    if found.lever != "tariff" or found.objective != "real_income":
        return {}
    return {"break_even": break_even(found), "tipping_retaliation": tipping_retaliation(found)}


def _turn_lines(turns: dict[str, float | None]) -> list[str]:
    words = {
        "break_even": "The gain is gone at",
        "tipping_retaliation": "All others undo it by adding, on the same sectors,",
    }
    return [
        f"{words[name]} {'no rate up to 500 points' if rate is None else _exactly(100 * rate, 'points')}"
        for name, rate in turns.items()
    ]


def _exactly(value: float, unit: str) -> str:
    """A change with its unit, to four digits: what a search found, for others to hold theirs against."""
    from firmtrade_core.labels import number, with_unit

    return with_unit(number(value, significant=4, most_decimals=4, signed=True), unit)


def _content(found: BestResponse | Nash, answers: list[BestResponse], seconds: float) -> dict[str, Any]:
    from firmtrade_core.analysis.optimal import Nash

    content: dict[str, Any] = {"answers": [_answer(answer) for answer in answers], "seconds": seconds}
    if isinstance(found, Nash):
        content["gains"] = found.gains
        content["path"] = [
            {"round": turn, "country": c, "rates": rates.tolist()} for turn, c, rates in found.path
        ]
        content["moved"] = found.moved
    return {**content, "holds": found.holds}


def _answer(answer: BestResponse) -> dict[str, Any]:
    return {
        "country": answer.country,
        "instrument": answer.instrument,
        "lever": answer.lever,
        "objective": answer.objective,
        "rates": [
            {"on": list(label), "rate": float(rate)}
            for label, rate in zip(answer.labels, answer.rates, strict=True)
        ],
        "gain": answer.gain,
        "gain_unit": "%" if answer.objective == "real_income" else "million USD",
        "as_good": None if answer.flat is None else list(answer.flat),
        "certificate": {
            "slope": answer.slope,
            "at_bounds": len(answer.at_bounds),
            "tries": answer.tries,
            "solved_tries": answer.solved_tries,
            "best_try": answer.best_try,
            "equilibrium": answer.equilibrium.certificate.holds,
            "holds": answer.holds,
        },
        "solves": answer.solves,
        "seconds": answer.seconds,
    }


def _page(found: BestResponse | Nash, answers: list[BestResponse], seconds: float) -> list[str]:
    from firmtrade_core.analysis.optimal import Nash

    lines = []
    for answer in answers:
        world = answer.equilibrium.world
        kind = "real income" if answer.objective == "real_income" else "duties"
        lines.append(f"{answer.country}: {_WORDS[answer.lever]} that serve its {kind} best")
        shown = list(zip(answer.labels, answer.rates, strict=True))
        if len(shown) > 40:
            lines.append(f"  the 40 largest of {len(shown)}:")
            shown = sorted(shown, key=lambda pair: -abs(pair[1]))[:40]
        for label, rate in shown:
            parts = [*label[:-1], world.sector_name(label[-1])] if label else ["all that it covers"]
            lines.append(f"  {', '.join(parts):44} {_exactly(100 * rate, 'points'):>16}")
        unit = "%" if answer.objective == "real_income" else "m USD"
        over = "against its rates as they were" + (
            ", the others' in force" if isinstance(found, Nash) else ""
        )
        lines.append(f"  gain {_exactly(answer.gain, unit)} {over}")
        if answer.flat is not None:
            low, high = (100 * end for end in answer.flat)
            lines.append(
                f"  within 0.001 points of the best: from {_exactly(low, 'points')} to {_exactly(high, 'points')}"
            )
        state = "holds" if answer.holds else "DOES NOT HOLD"
        lines.append(
            f"  certificate {state}: slope {answer.slope:.1e} % per point, {len(answer.at_bounds)} rates at a bound, "
            f"best of {answer.solved_tries} tries {_exactly(answer.best_try, '%')}"
        )
    if any(answer.at_bounds for answer in answers):
        lines.append(
            "Where a bound holds a rate, the best may lie beyond it. Proportional deficits, too, let a country with a large "
            "imbalance gain by moving its income: compare --deficits removed."
        )
    if isinstance(found, Nash):
        rounds = found.path[-1][0]
        lines.append(f"Rest after {rounds} rounds, last move {found.moved:.1e}; real income against no war:")
        lines += [f"  {answer.country:6} {_exactly(found.gains[answer.country], '%')}" for answer in answers]
    lines.append(f"{seconds:.1f} seconds")
    return lines
