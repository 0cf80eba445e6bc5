"""What the README shows works as shown."""

import re
from pathlib import Path
from urllib.parse import unquote

from firmtrade_core.paths import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_its_python_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    result = names["result"]
    assert result.certificate.holds  # type: ignore[attr-defined]


def test_every_file_it_points_to_exists() -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not Path(PROJECT / unquote(target)).exists()] == []
