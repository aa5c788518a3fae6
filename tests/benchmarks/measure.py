"""Timing in turns: what is compared runs alternately, so that a machine that drifts drifts for all."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessFigures:
    """Medians over the runs of a whole process.

    Attributes:
        seconds: Wall time.
        peak_mib: Peak resident memory.
    """

    seconds: float
    peak_mib: float


def time_calls(calls: Mapping[str, Callable[[], object]], rounds: int = 30, repeat: int = 200) -> dict[str, float]:
    """Return the median time of each call in microseconds; the calls take turns."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(repeat):
                call()
            samples[name].append((time.perf_counter() - started) / repeat * 1e6)
    return {name: statistics.median(values) for name, values in samples.items()}


def time_processes(scripts: Mapping[str, Sequence[str]], runs: int = 15) -> dict[str, ProcessFigures]:
    """Return the figures of ``python ARGUMENTS`` for each script; the scripts take turns, after one warm-up each."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in scripts}
    for run in range(runs + 1):
        for name, arguments in scripts.items():
            figures = _run([sys.executable, *arguments])
            if run > 0:
                samples[name].append(figures)
    return {
        name: ProcessFigures(statistics.median(s for s, _ in values), statistics.median(m for _, m in values))
        for name, values in samples.items()
    }


# A small process starts the measured one: Linux counts the starter's memory into the peak of what it starts.
_STARTER = """
import os, sys, time
started = time.perf_counter()
silence = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silence)
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - started, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
"""


def _run(command: Sequence[str]) -> tuple[float, float]:
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, *command]
    printed = subprocess.run(starter, check=True, capture_output=True, text=True)
    seconds, peak, code = printed.stdout.split()
    if code != "0":
        raise SystemExit(f"{command[1]} failed with exit code {code}: {printed.stderr}")
    return float(seconds), float(peak)
