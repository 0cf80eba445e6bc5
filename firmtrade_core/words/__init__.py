"""Sentences that findings are told in: scenarios, gravity, capability and channels, in the units of `labels`."""
