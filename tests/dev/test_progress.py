"""Progress lines fit the place where they are read."""

from __future__ import annotations

import io

from dev.control_plane.progress import Progress


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return true."""
        return True


def show(stream: io.StringIO) -> str:
    """Run one step of 40 seconds with a tick per second and return the text."""
    seconds = iter(range(1000))
    progress = Progress(stream, clock=lambda: float(next(seconds)))
    progress.start("building etcd (1/7)")
    for _ in range(40):
        progress.tick()
    progress.finish()
    return stream.getvalue()


def test_log_gets_a_line_every_15_seconds():
    """A log shows the start, the time every 15 seconds and the end, each on its own line."""
    assert show(io.StringIO()).splitlines() == [
        "building etcd (1/7) ...",
        "building etcd (1/7) ... 15 s",
        "building etcd (1/7) ... 30 s",
        "building etcd (1/7) ... 41 s",
    ]


def test_terminal_rewrites_one_line():
    """A terminal keeps a single line, rewritten with every tick."""
    text = show(Terminal())

    assert text.count("\n") == 1
    assert text.endswith("building etcd (1/7) ... 41 s\n")
    assert text.count("\r") == 42
