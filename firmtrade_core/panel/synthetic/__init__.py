"""Synthetic firms with known truth: the reference design (MODEL 6) and a whole home country (MODEL 2)."""
