"""Timing in turns: what is compared runs alternately, so that a machine that drifts drifts for all."""

from __future__ import annotations

import os
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


def _run(command: Sequence[str]) -> tuple[float, float]:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[1]} failed with exit code {process.returncode}")
    return seconds, usage.ru_maxrss / 1024
