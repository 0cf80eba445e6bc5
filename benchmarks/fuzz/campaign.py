"""Mutated inputs, the same for the same seed, and what doors answered to them."""

from __future__ import annotations

import contextlib
import hashlib
import random
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from benchmarks.fuzz.doors import REFUSALS, Door

#: Seconds of processor after which a door that has not answered counts as slow: what others do on the machine plays no part.
PATIENCE = 20

#: What is put in the place of parts: numbers, signs and words that programs stumble over.
WORDS = (
    b"", b"0", b"-1", b"1e309", b"-0.0", b"nan", b"inf", b"null", b"true", b"9" * 40, b"1,5", b"\xc2\xb2", b"\xd9\xa3", b"\xff\xfe",
    b"\x00", b'"', b"'", b";", b"\t", b"=1+1", b"<b>", b"[]", b"{}", b"&", b"%00", b"\xf0\x9f\x99\x82", b"e" * 300, b"USA", b"ROW",
    b"1e-320", b"0x10", b"100 %", b"- ", b": ", b"\r", b"\n\n",
)  # fmt: skip


class SlowError(BaseException):
    """A door took too long."""


@dataclass(frozen=True)
class Finding:
    """What is wrong: ``unhandled``, ``slow``, or ``false content`` accepted; and what was sent."""

    door: str
    kind: str
    words: str
    sent: bytes

    @property
    def name(self) -> str:
        """A file's name for it."""
        return f"{self.door}-{hashlib.blake2b(self.sent, digest_size=6).hexdigest()}"


def mutated(door: Door, seed: str) -> bytes:
    """An input of a door, altered in one to six places."""
    draw = random.Random(seed)
    content = bytearray(draw.choice(door.seeds))
    for _ in range(draw.randint(1, 6)):
        _alter(content, draw)
    return bytes(content[: 4 << 20])


def _alter(content: bytearray, draw: random.Random) -> None:
    if not content:
        content += draw.choice(WORDS)
        return
    at = draw.randrange(len(content))
    end = min(len(content), at + draw.choice((1, 1, 2, 8, 64)))
    way = draw.randrange(8)
    if way == 0:
        content[at] ^= 1 << draw.randrange(8)
    elif way == 1:
        del content[at:end]
    elif way == 2:
        content[at:at] = content[at:end]
    elif way == 3:
        content[at:end] = draw.choice(WORDS)
    elif way == 4:
        content[at:at] = draw.choice(WORDS)
    elif way == 5:
        del content[at:]
    elif way == 6:
        content[at] = draw.randrange(256)
    else:
        # A whole field gives way.
        marks = b',;\n&=: {}[]"'
        left = next((i + 1 for i in range(at, -1, -1) if content[i] in marks), 0)
        right = next((i for i in range(at, len(content)) if content[i] in marks), len(content))
        content[left : max(left, right)] = draw.choice(WORDS)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise SlowError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def judge(door: Door, sent: bytes) -> Finding | None:
    """What is wrong with a door's answer; None where it refused in words, or took what may be taken."""
    try:
        with _patience(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = door.enter(sent)
    except REFUSALS:
        return None
    except SlowError:
        return Finding(door.name, "slow", f"no answer in {PATIENCE} s", sent)
    except Exception as error:
        return Finding(door.name, "unhandled", f"{type(error).__name__}: {str(error)[:200]}", sent)
    if door.sealed and found not in _originals(door):
        return Finding(door.name, "false content", "accepted although it is not what was written", sent)
    return None


_known: dict[str, list[object]] = {}


def _originals(door: Door) -> list[object]:
    if door.name not in _known:
        _known[door.name] = [door.enter(seed) for seed in door.seeds]
    return _known[door.name]
