"""Slow truth test: intervals hold the truth as often as they say, whatever hides, however weak the instrument.

Once with capability seen and once with capability estimated anew in every replication, of which
`benchmarks.channels_coverage` makes more.
"""

from __future__ import annotations

import pytest

from tests.channels.coverage import replicate, replicate_plain, summarise
from tests.channels.design import ON_CAPABILITY, ON_FIXED_COST

REPLICATIONS, OF_THE_CHAIN = 200, 40


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


@pytest.mark.truth
def test_intervals_cover_with_capability_estimated_anew():
    """Forty replications tell 70 % (errors without the parameters' own) from 90 %."""
    found = summarise([replicate(seed) for seed in range(OF_THE_CHAIN)])
    assert found["naive"][1] < 0.05 and found["weak instrument, Wald"][1] < 0.84
    for case in ("right controls", "instrument", "weak instrument, Anderson-Rubin"):
        assert 0.80 <= found[case][1] <= 1.0, (case, found)
    for case in ("right controls, fixed costs", "instrument, fixed costs"):
        assert 0.80 <= found[case][1] <= 1.0, (case, found)
        assert abs(found[case][0] - ON_FIXED_COST) < 0.06, (case, found)
