"""Reading equilibria against each other: comparison, trade diversion, flows between groups (MODEL 8)."""
