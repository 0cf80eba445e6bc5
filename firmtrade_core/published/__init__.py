"""Published results computed again and held against the papers' own numbers, row by row (MODEL 9).

Each table is a `Replication`: what it needs, where the public finds it, and the rows it computes. `replicate` gathers them.
"""
