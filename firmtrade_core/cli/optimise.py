"""``optimise``: the rates that serve a country best, or a tariff war's end, with certificates."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import FAILED, read_scenario, read_world, refusals
from firmtrade_core.cli.options import Against, AsJson, Elasticity, WorldFile

if TYPE_CHECKING:
    from firmtrade_core.analysis.optimal import BestResponse, Cooperation, Nash, Step
    from firmtrade_core.scenarios import CompiledScenario, Scenario
    from firmtrade_core.world.world import World

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
    objective: Annotated[
        str, typer.Option(help="real_income (the default), duties, or weighted (with --sector-weights).")
    ] = "real_income",
    rest: Annotated[
        str | None,
        typer.Option("--nash", help="Codes parted by commas: rates from which none departs alone."),
    ] = None,
    war: Annotated[
        bool, typer.Option("--war", help="With --nash: the way there, best answer by best answer.")
    ] = False,
    together: Annotated[
        str | None,
        typer.Option("--cooperate", help="Codes parted by commas: rates that serve them together best."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="With --cooperate: Pareto weights in the countries' order; equal unless given."),
    ] = None,
    everybody: Annotated[
        bool,
        typer.Option(
            "--on-all", help="With --cooperate: rates on all imports, not only on those from one another."
        ),
    ] = False,
    sector_weights: Annotated[
        str | None,
        typer.Option(
            help="With the objective weighted: what a dollar earned in a sector counts, as metals=1.5,agriculture=2; one elsewhere."
        ),
    ] = None,
    partners: Annotated[
        str | None, typer.Option(help="Codes of those that the instrument reaches; all abroad unless given.")
    ] = None,
    against: Against = None,
    sectors: Annotated[
        str | None,
        typer.Option(help="Sectors covered, codes or groups parted by commas; all goods unless given."),
    ] = None,
    lowest: Annotated[float, typer.Option(help="Least rate, a fraction.")] = -0.25,
    highest: Annotated[float, typer.Option(help="Largest rate, a fraction.")] = 2.0,
    world_file: WorldFile = None,
    structure: Annotated[
        str | None,
        typer.Option(help="How firms differ: differing (the default), none, alike, pareto, lognormal."),
    ] = None,
    elasticity: Elasticity = None,
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
    with_bands: Annotated[
        bool,
        typer.Option(
            "--bands",
            help="Also the 90 % band of the gain of one country, and its best rates under other laws of firms.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the answer to this file as a scenario.")] = None,
    as_json: AsJson = False,
) -> None:
    """Best policy of a country, Nash or cooperation of several; exits 1 if a certificate does not hold, 2 on wrong input."""
    from firmtrade_core.analysis.optimal import OptimumError, best_response, cooperate, nash, trade_war
    from firmtrade_core.cli.solve import STRUCTURES, _number_or_name, _with_structure
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.paths import write_whole
    from firmtrade_core.scenarios import Scenario, compile

    with refusals(as_json, {EquilibriumError: FAILED}):
        if (country is not None) + (rest is not None) + (together is not None) != 1:
            raise OptimumError("Give a country, or --nash or --cooperate with several: one of the three.")
        if (war and rest is None) or ((weights or everybody) and together is None):
            raise OptimumError("--war goes with --nash, --weights and --on-all with --cooperate.")
        if with_bands and country is None:
            raise OptimumError("--bands goes with one country.")
        if country is None and (objective != "real_income" or partners or sector_weights):
            raise OptimumError(
                "Several countries play for real income, and for all their trade: leave --objective, --partners and "
                "--sector-weights to one."
            )
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
        world = read_world(world_file)
        compiled = compile(given, world)
        asked: dict[str, Any] = {
            "instrument": instrument,
            "lever": lever,
            "shock": compiled.shock,
            "sectors": None if sectors is None else [name.strip() for name in sectors.split(",")],
            "bounds": (lowest, highest),
            "tries": tries,
            "seed": seed,
        }
        found: BestResponse | Nash | Cooperation
        path: tuple[Step, ...] = ()
        if rest is not None:
            who = _codes(rest)
            if war:
                fought = trade_war(compiled.world, compiled.parameters, who, **asked)
                found, path = fought.end, fought.steps
            else:
                found = nash(compiled.world, compiled.parameters, who, **asked)
            answers = list(found.responses.values())
        elif together is not None:
            who, answers = _codes(together), []
            found = cooperate(
                compiled.world,
                compiled.parameters,
                who,
                weights=None if weights is None else [_number(part) for part in _codes(weights)],
                among=not everybody,
                starts=starts,
                **asked,
            )
        else:
            assert country is not None
            asked |= {
                "objective": objective,
                "starts": starts,
                "partners": None if partners is None else _codes(partners),
                "weights": _weights(sector_weights),
            }
            found = best_response(compiled.world, compiled.parameters, country, **asked)
            answers = [found]
        seconds = time.perf_counter() - began
        turns = _turns(found)
        sure = _sure(answers[0], given, compiled, world, (lowest, highest), seed) if with_bands else {}
        if out is not None:
            write_whole(out, _scenario(given, found).to_yaml())
    if as_json:
        typer.echo(json.dumps(_content(found, answers, path, seconds) | turns | sure, allow_nan=False))
    else:
        typer.echo(
            "\n".join(
                [
                    *(f"note: {note}" for note in compiled.report),
                    *_page(found, answers, path, seconds),
                    *_turn_lines(turns),
                    *_sure_lines(sure),
                ]
            )
        )
    if not found.holds:
        raise typer.Exit(FAILED)


def _codes(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> float:
    from firmtrade_core.analysis.optimal import OptimumError

    try:
        return float(text)
    except ValueError:
        raise OptimumError(f"{text!r} is no number.") from None


def _weights(text: str | None) -> dict[str, float] | None:
    """``metals=1.5,agriculture=2`` as weights by sector."""
    from firmtrade_core.analysis.optimal import OptimumError

    if text is None:
        return None
    found = {}
    for part in _codes(text):
        name, sign, weight = part.partition("=")
        if not sign:
            raise OptimumError(f"{part!r} is no weight of a sector: write metals=1.5.")
        found[name.strip()] = _number(weight)
    return found


def _scenario(given: Scenario, found: BestResponse | Nash | Cooperation) -> Scenario:
    """What was in force with the answers on top."""
    from firmtrade_core.analysis.optimal import BestResponse, Nash

    if isinstance(found, BestResponse):
        name = f"Best policy of {found.country}"
    elif isinstance(found, Nash):
        name = f"Nash rates of {', '.join(found.responses)}"
    else:
        name = f"Cooperation of {', '.join(found.rates)}"
    return given.with_(name=name[:120], cards=(*given.cards, *found.cards()))


def _turns(found: BestResponse | Nash | Cooperation) -> dict[str, float | None]:
    """Rates at which a uniform tariff's gain is gone; empty for other answers."""
    from firmtrade_core.analysis.optimal import BestResponse, break_even, tipping_retaliation

    if not isinstance(found, BestResponse) or found.instrument != "uniform" or found.gain <= 0:
        return {}
    if found.lever != "tariff" or found.objective != "real_income":
        return {}
    return {"break_even": break_even(found), "tipping_retaliation": tipping_retaliation(found)}


def _sure(
    best: BestResponse,
    given: Scenario,
    compiled: CompiledScenario,
    world: World,
    bounds: tuple[float, float],
    seed: int,
) -> dict[str, Any]:
    """The band of the gain, and mean best rates under other laws of firms."""
    from firmtrade_core.analysis.assumed import around
    from firmtrade_core.analysis.optimal import OptimumError, sureness
    from firmtrade_core.analysis.uncertainty import UncertaintyError

    try:
        found = sureness(best, assumed=around(compiled, world, seed=seed), bounds=bounds, seed=seed)
    except UncertaintyError as error:
        raise OptimumError(str(error)) from error
    told = {
        name: {
            "low": band.low,
            "high": band.high,
            "error": band.error,
            "verdict": band.verdict,
            "words": band.words,
        }
        for name, band in (("real_income", found.real_income), ("others", found.others))
    }
    rates = {law: float(rate.mean()) for law, rate in found.rates.items()}
    return {"bands": told, "rates_by_law": rates, "laws_missing": list(found.missing)}


def _sure_lines(sure: dict[str, Any]) -> list[str]:
    if not sure:
        return []
    lines = [f"Real income: {sure['bands']['real_income']['words']}"]
    lines.append(f"All others: {sure['bands']['others']['words']}")
    if sure["rates_by_law"]:
        rates = ", ".join(f"{law} {100 * rate:+.1f}" for law, rate in sure["rates_by_law"].items())
        lines.append(f"Mean best rate under other laws of firms, points: {rates}")
    return [*lines, *sure["laws_missing"]]


def _turn_lines(turns: dict[str, float | None]) -> list[str]:
    words = {
        "break_even": "The gain is gone at",
        "tipping_retaliation": "All others undo it by adding, on the same sectors,",
    }
    return [
        f"{words[name]} {'no rate up to 500' if rate is None else f'{100 * rate:+.2f}'} points"
        for name, rate in turns.items()
    ]


def _content(
    found: BestResponse | Nash | Cooperation,
    answers: list[BestResponse],
    path: tuple[Step, ...],
    seconds: float,
) -> dict[str, Any]:
    from firmtrade_core.analysis.optimal import BestResponse, Nash

    content: dict[str, Any] = {"answers": [_answer(answer) for answer in answers], "seconds": seconds}
    if isinstance(found, Nash):
        content |= {"gains": found.gains, "rounds": found.rounds, "moved": found.moved}
    elif not isinstance(found, BestResponse):
        content |= {
            "weights": found.weights,
            "gains": found.gains,
            "rates": {c: _rates(found.labels[c], rates) for c, rates in found.rates.items()},
            "certificate": {
                "slope": found.slope,
                "at_bounds": found.at_bounds,
                "tries": found.tries,
                "solved_tries": found.solved_tries,
                "best_try": found.best_try,
                "equilibrium": found.equilibrium.certificate.holds,
            },
        }
    if path:
        content["path"] = [
            {
                "round": step.turn,
                "country": step.country,
                "rates": _rates(step.response.labels, step.response.rates),
                "gains": {c: step.gains[c] for c in {s.country for s in path}},
                "certified": step.certified,
            }
            for step in path
        ]
    return {**content, "holds": found.holds}


def _rates(labels: tuple[tuple[str, ...], ...], rates: Any) -> list[dict[str, Any]]:
    return [{"on": list(label), "rate": float(rate)} for label, rate in zip(labels, rates, strict=True)]


def _answer(answer: BestResponse) -> dict[str, Any]:
    return {
        "country": answer.country,
        "instrument": answer.instrument,
        "lever": answer.lever,
        "objective": answer.objective,
        "rates": _rates(answer.labels, answer.rates),
        "gain": answer.gain,
        "gain_unit": "million USD" if answer.objective == "duties" else "%",
        "real_income": answer.real_income,
        "sector_weights": dict(answer.weights),
        "first_order": {
            "rates": _rates(answer.labels, answer.first_order),
            "largest_distance": answer.first_order_distance,
            "gain": answer.first_order_gain if math.isfinite(answer.first_order_gain) else None,
        },
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


def _page(
    found: BestResponse | Nash | Cooperation,
    answers: list[BestResponse],
    path: tuple[Step, ...],
    seconds: float,
) -> list[str]:
    from firmtrade_core.analysis.optimal import BestResponse, Nash

    lines: list[str] = []
    for step in path:
        mean = "" if len(step.response.rates) == 1 else "mean "
        lines.append(
            f"round {step.turn}: {step.country} answers with {mean}{100 * float(step.response.rates.mean()):+.2f} points; "
            + ", ".join(f"{c} {step.gains[c]:+.4f} %" for c in dict.fromkeys(s.country for s in path))
        )
    for answer in answers:
        kind = {
            "real_income": "real income",
            "duties": "duties",
            "weighted": "real income, sectors weighted,",
        }[answer.objective]
        lines.append(f"{answer.country}: {_WORDS[answer.lever]} that serve its {kind} best")
        lines += _rate_lines(answer.equilibrium.world, answer.labels, answer.rates)
        unit = "million USD" if answer.objective == "duties" else "%"
        over = "against its rates as they were" + (
            ", the others' in force" if isinstance(found, Nash) else ""
        )
        lines.append(f"  gain {answer.gain:+.4f} {unit} {over}")
        if answer.objective == "weighted":
            lines.append(f"  of which real income unweighted {answer.real_income:+.4f} %")
        if answer.lever != "production_subsidy" and math.isfinite(answer.first_order_gain):
            lines.append(
                f"  first-order formula: up to {100 * answer.first_order_distance:.2f} points away, gain "
                f"{answer.first_order_gain:+.4f} {unit}"
            )
        if answer.flat is not None:
            low, high = (100 * end for end in answer.flat)
            lines.append(f"  within 0.001 points of the best: from {low:+.2f} to {high:+.2f} points")
        lines.append(_certificate(answer, len(answer.at_bounds)))
    if any(answer.at_bounds for answer in answers) or (
        not isinstance(found, BestResponse | Nash) and found.at_bounds
    ):
        lines.append(
            "Where a bound holds a rate, the best may lie beyond it. Proportional deficits, too, let a country with a large "
            "imbalance gain by moving its income: compare --deficits removed."
        )
    if isinstance(found, Nash):
        lines.append(
            f"At rest after {found.rounds} equilibria, last move {found.moved:.1e}; real income against no rates:"
        )
        lines += [f"  {answer.country:6} {found.gains[answer.country]:+.4f} %" for answer in answers]
    elif not isinstance(found, BestResponse):
        on = "on one another's goods" if found.among else "on all imports"
        lines.append(f"Points {on} that serve {', '.join(found.rates)} together best")
        for c, rates in found.rates.items():
            lines.append(f"{c}, weight {found.weights[c]:.3g}: real income {found.gains[c]:+.4f} %")
            lines += _rate_lines(found.equilibrium.world, found.labels[c], rates)
        lines.append(_certificate(found, found.at_bounds))
    lines.append(f"{seconds:.1f} seconds")
    return lines


def _rate_lines(world: World, labels: tuple[tuple[str, ...], ...], rates: Any) -> list[str]:
    lines, shown = [], list(zip(labels, rates, strict=True))
    if len(shown) > 40:
        lines.append(f"  the 40 largest of {len(shown)}:")
        shown = sorted(shown, key=lambda pair: -abs(pair[1]))[:40]
    for label, rate in shown:
        parts = [*label[:-1], world.sector_name(label[-1])] if label else ["all that it covers"]
        lines.append(f"  {', '.join(parts):44} {100 * rate:+8.2f} points")
    return lines


def _certificate(found: BestResponse | Cooperation, at_bounds: int) -> str:
    return (
        f"  certificate {'holds' if found.holds else 'DOES NOT HOLD'}: slope {found.slope:.1e} % per point, {at_bounds} rates "
        f"at a bound, best of {found.solved_tries} tries {found.best_try:+.1e} %"
    )
