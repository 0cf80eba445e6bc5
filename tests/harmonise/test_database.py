"""What passes through a database leaves nothing beside the program."""

from pathlib import Path

import pytest

from firmtrade_core.harmonise.database import passing_database


def test_spilled_pages_go_with_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with passing_database() as database:
        database.execute("SET memory_limit = '25MB'; SET threads = 1")
        database.execute("CREATE TABLE lines AS SELECT md5(i::VARCHAR) AS firm FROM range(1_500_000) t(i)")
        spill = Path(database.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
        assert any(spill.iterdir()) and spill.parent != tmp_path
    assert not spill.exists() and list(tmp_path.iterdir()) == []
