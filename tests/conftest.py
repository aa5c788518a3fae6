"""What all tests share: no settings of the user's, and no silent skip where everything has to run."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):  # not every environment has property tests
    from hypothesis import settings

    examples = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))
    settings.register_profile("shared", deadline=None, max_examples=examples)
    # The same examples in each run there: what a run elsewhere finds by chance must not stop another change.
    settings.register_profile("ci", deadline=None, derandomize=True, max_examples=examples)
    settings.load_profile("ci" if os.environ.get("CI") == "true" else "shared")

# Runs the tests of users, in folders and processes of their own.
pytest_plugins = ["pytester"]

RequireTool = Callable[[str], str]

# Reasons that may skip a test even where CI=true: they speak of the machine itself, and nothing can be installed
# against them. A skipif mark is such a reason as well.
_UNAVOIDABLE = (
    "this user may read every file, as root may",
    "only root can become another user",
    "this process may not mount a file system",
    r"could not import 'cryptography\.hazmat\.primitives\.asymmetric\.mldsa'",
)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Call what is new in each run by its argument: the processes that share the tests must agree on their names."""
    is_random = isinstance(val, bytes) and not val.isascii()
    is_random |= bool(re.search(r"[0-9A-Za-z+/]{24,}|datetime\.datetime", str(val)))
    return argname if is_random and not callable(val) else None


@pytest.fixture(autouse=True, scope="session")
def signals_as_on_a_terminal() -> None:
    """Heed the signals of a keyboard, which are ignored where a shell runs the tests in the background.

    Programs that tests start would inherit that, and rightly go on ignoring them.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGQUIT") and signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide AWS settings, proxies and CA bundles that the user may have."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name.endswith("_CA_BUNDLE"):
            monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-settings"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def logger_as_it_was() -> Iterator[None]:
    """Let no test quieten the library's log for those that follow."""
    logger = logging.getLogger("rolesanywhere_signer")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def require_tool() -> RequireTool:
    """Return the path of a program, or skip the test; where CI=true the skip becomes a failure."""

    def find(name: str) -> str:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not on PATH")
        return program

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    report: pytest.TestReport = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("skipif") is None:
        _fail_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> pytest.CollectReport:
    report: pytest.CollectReport = yield
    if report.skipped:
        _fail_in_ci(report)
    return report


def _fail_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if os.environ.get("CI") != "true" or any(re.search(pattern, reason) for pattern in _UNAVOIDABLE):
        return
    report.outcome = "failed"
    report.longrepr = f"{reason}\nwhere CI=true nothing may be skipped that could be installed"


def pytest_report_header() -> str:
    """Say which package is under test: the checkout, or the installed wheel."""
    import rolesanywhere_signer

    return f"rolesanywhere_signer: {Path(rolesanywhere_signer.__file__).parent}"
