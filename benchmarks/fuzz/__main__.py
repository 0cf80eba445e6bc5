"""A campaign over all doors: ``python -m benchmarks.fuzz [--inputs N] [--seed S] [--door NAME] [--folder F]``.

The same seed sends the same inputs. A campaign that is stopped goes on where it was; failures are kept in the folder, one
file each. Prints inputs, unhandled exceptions, false content and slow answers by door; exits 1 where there are any.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.fuzz.campaign import judge, mutated
from benchmarks.fuzz.doors import doors
from firmtrade_core.paths import PROJECT, write_whole

#: Inputs between two notes of where the campaign is.
NOTE_EVERY = 200

#: Memory of the campaign, bytes: a door that needs more has failed.
MEMORY = 4 << 30


def main() -> int:
    """Run a campaign; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--door", action="append", choices=sorted(doors()))
    parser.add_argument("--folder", type=Path, default=PROJECT / "output" / "fuzz")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    chosen = [doors()[name] for name in given.door or doors()]
    given.folder.mkdir(parents=True, exist_ok=True)
    progress = given.folder / f"campaign-{given.seed}.json"
    done: dict[str, dict[str, int]] = json.loads(progress.read_text()) if progress.is_file() else {}
    # What a door loads at its first use is no part of an answer's time.
    for door in chosen:
        door.enter(door.seeds[0])
    start, each = time.perf_counter(), -(-given.inputs // len(chosen))
    for door in chosen:
        counts = done.setdefault(door.name, {"inputs": 0, "unhandled": 0, "false content": 0, "slow": 0})
        while counts["inputs"] < each:
            found = judge(door, mutated(door, f"{given.seed}/{door.name}/{counts['inputs']}"))
            counts["inputs"] += 1
            if found is not None:
                counts[found.kind] += 1
                write_whole(given.folder / found.name, found.sent)
                print(f"  {found.door}: {found.kind}: {found.words} ({found.name})", flush=True)
            if counts["inputs"] % NOTE_EVERY == 0 or counts["inputs"] == each:
                write_whole(progress, json.dumps(done))
        print(f"{door.name:14} " + ", ".join(f"{counts[name]:,} {name}" for name in counts), flush=True)
    total = {
        name: sum(done[door.name][name] for door in chosen)
        for name in ("inputs", "unhandled", "false content", "slow")
    }
    words = ", ".join(f"{value:,} {name}" for name, value in total.items())
    print(f"{len(chosen)} doors: {words}; {time.perf_counter() - start:.0f} s in this run")
    return int(any(total[name] for name in ("unhandled", "false content", "slow")))


if __name__ == "__main__":
    sys.exit(main())
