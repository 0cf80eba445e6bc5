"""From release of a programme's slider to redrawn numbers: ``python -m benchmarks.programme``; see `benchmarks.browser`."""

from __future__ import annotations

import sys

from benchmarks.browser import main

if __name__ == "__main__":
    sys.argv.append("--programme")
    main()
