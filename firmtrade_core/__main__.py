"""``python -m firmtrade_core``: the command line."""

import os

# The engine's matrices are small: more threads only wait for each other. Set before NumPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from firmtrade_core.cli.main import app

if __name__ == "__main__":
    app()
