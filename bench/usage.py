"""Processor time and resident memory of one process, from ``/proc`` (Linux only)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MB (10^6 bytes): now, and at its highest."""

    resident_mb: float
    peak_mb: float


def read_memory(pid: int) -> Memory:
    """Return ``VmRSS`` and ``VmHWM``."""
    kib = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in {"VmRSS", "VmHWM"}:
            kib[key] = int(value.split()[0])
    return Memory(kib["VmRSS"] * 1024 / 1e6, kib["VmHWM"] * 1024 / 1e6)


def read_cpu_s(pid: int) -> float:
    """Return the seconds of processor time that all threads have used so far."""
    # The name of the program may hold spaces; it ends at the last bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
