"""Structural gravity: PPML and OLS with effects, elasticities, resistances, and what an estimate can be asked (MODEL 5)."""
