"""Runs the package gegravity on a table of gravity data, in its own environment.

``python gegravity_peer.py DATA.csv SIGMA`` prints JSON: seconds of ``simulate`` alone, changes of real
GDP in percent, the solver's last word. Columns of the table: exporter, importer, year, trade, Y,
E, cost, new_cost (ln t^(1-sigma) before and after). Nothing of this project is imported.
"""

import json
import sys
import time

import gegravity
import pandas as pd


def _build(model: gegravity.OneSectorGE) -> None:
    """The baseline, with the first rescaling of resistances under which the package's solver succeeds."""
    for scale in (1, 10, 100, 1000, 10_000):
        try:
            return model.build_baseline(omr_rescale=scale)
        except ValueError:
            continue
    raise ValueError("no rescaling of the outward resistances lets the baseline be solved")


def main() -> None:
    """See the module."""
    data = pd.read_csv(sys.argv[1])
    data["year"] = data["year"].astype(str)
    baseline = gegravity.BaselineData(
        data.drop(columns="new_cost"), trade_var_name="trade", expend_var_name="E", output_var_name="Y"
    )
    cost = gegravity.CostCoeffs(
        pd.DataFrame({"term": ["cost"], "value": [1.0]}), identifier_col="term", coeff_col="value"
    )
    model = gegravity.OneSectorGE(
        baseline,
        year=data["year"].iloc[0],
        reference_importer=sorted(data.importer.unique())[-1],
        expend_var_name="E",
        output_var_name="Y",
        sigma=float(sys.argv[2]),
        cost_variables=["cost"],
        cost_coeff_values=cost,
        quiet=True,
    )
    _build(model)
    experiment = data.drop(columns="cost").rename(columns={"new_cost": "cost"})
    model.define_experiment(experiment)
    began = time.perf_counter()
    model.simulate(ge_max_iter=10_000)
    seconds = time.perf_counter() - began
    results = model.country_results
    print(
        json.dumps(
            {
                "seconds": seconds,
                "real_gdp": results["GDP change (percent)"].to_dict(),
                "message": model.solver_diagnostics["full_GE"].message,
            }
        )
    )


if __name__ == "__main__":
    main()
