"""Slow truth test: intervals hold the truth as often as they say, whatever hides, however weak the instrument.

`benchmarks.channels_coverage` does the same with capability estimated anew in every replication.
"""

from __future__ import annotations

import pytest

from tests.channels.coverage import replicate_plain, summarise
from tests.channels.design import ON_CAPABILITY

REPLICATIONS = 200


@pytest.mark.truth
def test_intervals_cover_as_often_as_they_say():
    found = summarise([replicate_plain(seed) for seed in range(REPLICATIONS)])
    estimate, covered = found["naive"]
    assert estimate > ON_CAPABILITY + 0.4 and covered < 0.05
    for case in ("right controls", "instrument", "weak instrument, Anderson-Rubin"):
        assert 0.84 <= found[case][1] <= 0.96, (case, found)
    assert abs(found["right controls"][0] - ON_CAPABILITY) < 0.03
    assert abs(found["instrument"][0] - ON_CAPABILITY) < 0.06
    assert found["weak instrument, Wald"][1] < 0.84
