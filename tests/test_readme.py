"""What the README shows works as shown."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from firmtrade_core.paths import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_its_python_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    result = names["result"]
    assert result.certificate.holds  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in sorted((PROJECT / "docs").glob("*.md")))]
)
def test_every_file_it_points_to_exists(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\((?!https?://|#)([^)]+)\)", text)]
    folder = (PROJECT / page).parent
    assert [target for target in targets if not Path(folder / unquote(target)).exists()] == []
