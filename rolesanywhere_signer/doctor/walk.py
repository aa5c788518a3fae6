"""The steps in their order, taken until one is broken."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence

from ..errors import RolesAnywhereError
from .answering import check_answer, check_clock
from .certificates import check_chain, check_expiry, check_rules, load_identity
from .connecting import check_connection, check_endpoint
from .files import look_at_files
from .findings import BrokenStepError, Examination, Fault, Remark, Step
from .patient import Patient, Question
from .service import assume_roles, create_session, get_caller_identity
from .sources import find_settings
from .tls import check_tls

_logger = logging.getLogger("rolesanywhere_signer")

_Look = Callable[[Patient], "str | None"]

# Each returns what it found, or None: there is nothing of this kind to look at.
_LOCAL: tuple[tuple[str, _Look], ...] = (
    ("settings", find_settings),
    ("files", look_at_files),
    ("identity", load_identity),
    ("chain", check_chain),
    ("rules", check_rules),
    ("expiry", check_expiry),
)
_REMOTE: tuple[tuple[str, _Look], ...] = (
    ("endpoint", check_endpoint),
    ("connection", check_connection),
    ("tls", check_tls),
    ("answer", check_answer),
    ("clock", check_clock),
    ("create-session", create_session),
    ("assume-role", assume_roles),
    ("caller-identity", get_caller_identity),
)
LOCAL_STEPS = tuple(name for name, _ in _LOCAL)
STEPS = (*LOCAL_STEPS, *(name for name, _ in _REMOTE))

# What to do where an error does not say.
_DEFAULT_HINT = "set it right where the line above says, and run doctor again"


def examine(
    question: Question,
    *,
    local_only: bool = False,
    before_step: Callable[[str], None] | None = None,
) -> Examination:
    """Walk the whole way, up to the first step that is broken.

    Args:
        question: What is asked for.
        local_only: Send nothing.
        before_step: Called with the name of each step.

    Returns:
        What was found; nothing secret is in it.
    """
    patient = Patient(question)
    steps: list[Step] = []
    way = _LOCAL if local_only else (*_LOCAL, *_REMOTE)
    with _log_taken(patient), warnings.catch_warnings():
        # That TLS is not verified is a remark of ours.
        warnings.simplefilter("ignore")
        for number, (name, look) in enumerate(way, 1):
            if before_step is not None:
                before_step(name)
            step = _take(name, look, patient)
            if step is not None:
                steps.append(step)
            if step is not None and step.fault is not None:
                return Examination(tuple(steps), tuple(later for later, _ in way[number:]))
    return Examination(tuple(steps))


def _take(name: str, look: _Look, patient: Patient) -> Step | None:
    found, fault = None, None
    try:
        found = look(patient)
    except BrokenStepError as broken:
        fault = _in_lines(broken.fault)
    except RolesAnywhereError as error:
        fault = _in_lines(BrokenStepError.of_error(error, _DEFAULT_HINT).fault)
    remarks = tuple(Remark(_line(each.message), _line(each.hint)) for each in patient.take_remarks())
    if found is None and fault is None:
        return None
    return Step(name, _line(found or ""), remarks, fault)


def _in_lines(fault: Fault) -> Fault:
    causes = tuple(type(each)(_line(each.reason), _line(each.check), each.is_certain) for each in fault.causes)
    also = tuple(Remark(_line(each.message), _line(each.hint)) for each in fault.also)
    return Fault(fault.code, _line(fault.message), _line(fault.hint), causes, also)


def _line(text: str) -> str:
    """Return text as one line: names in certificates and a server's words must neither break it nor move a cursor."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class _Notes(logging.Handler):
    """Makes remarks of what the library warns of."""

    def __init__(self, patient: Patient) -> None:
        super().__init__(logging.WARNING)
        self._patient = patient

    def emit(self, record: logging.LogRecord) -> None:
        if self._patient.hears_log:
            message, _, hint = record.getMessage().partition("; ")
            self._patient.remark(message, hint or "remove what is not meant")


@contextlib.contextmanager
def _log_taken(patient: Patient) -> Iterator[None]:
    """Keep warnings away from where the log is shown, for they would stand before the result; all else passes."""
    notes = _Notes(patient)
    shown: Sequence[logging.Handler] = list(_logger.handlers)

    def is_no_warning(record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING

    propagates = _logger.propagate
    _logger.addHandler(notes)
    _logger.propagate = False
    for handler in shown:
        handler.addFilter(is_no_warning)
    try:
        yield
    finally:
        for handler in shown:
            handler.removeFilter(is_no_warning)
        _logger.propagate = propagates
        _logger.removeHandler(notes)
