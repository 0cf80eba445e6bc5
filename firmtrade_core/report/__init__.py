"""What leaves the house: exports, tables, briefing, pack, pipeline, where a number comes from."""

from typing import TYPE_CHECKING

from firmtrade_core.public import on_demand

if TYPE_CHECKING:
    from firmtrade_core.report.export import (
        Table,
        country_results,
        result_workbook,
        to_csv,
        to_excel,
        to_parquet,
    )
    from firmtrade_core.report.pipeline import PipelineError, Plan, run_pipeline
    from firmtrade_core.report.recipe import command_line, python_code

__all__ = [
    "PipelineError",
    "Plan",
    "Table",
    "command_line",
    "country_results",
    "python_code",
    "result_workbook",
    "run_pipeline",
    "to_csv",
    "to_excel",
    "to_parquet",
]

__getattr__ = on_demand(
    __name__,
    {
        "PipelineError": "pipeline",
        "Plan": "pipeline",
        "Table": "export",
        "command_line": "recipe",
        "country_results": "export",
        "python_code": "recipe",
        "result_workbook": "export",
        "run_pipeline": "pipeline",
        "to_csv": "export",
        "to_excel": "export",
        "to_parquet": "export",
    },
)
