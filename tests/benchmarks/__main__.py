"""``python -m tests.benchmarks``: all of them."""

from __future__ import annotations

from . import (
    bench_cli,
    bench_external_keys,
    bench_keys,
    bench_ml_dsa,
    bench_refresh,
    bench_serve,
    bench_service,
    bench_signing,
    bench_startup,
    bench_tpm_key,
)

for benchmark in (
    bench_signing,
    bench_keys,
    bench_external_keys,
    bench_ml_dsa,
    bench_tpm_key,
    bench_startup,
    bench_refresh,
    bench_service,
    bench_cli,
    bench_serve,
):
    benchmark.main()
    print()
