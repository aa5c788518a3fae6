"""What a walk found: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..diagnosis import Cause

if TYPE_CHECKING:
    from ..errors import RolesAnywhereError


@dataclass(frozen=True)
class Remark:
    """Something that works and deserves attention.

    Attributes:
        message: What was found, in one line.
        hint: What to do about it.
    """

    message: str
    hint: str


@dataclass(frozen=True)
class Fault:
    """What is broken.

    Attributes:
        code: A stable slug: of one of our errors, of a finding of validation, or of the doctor's own.
        message: The cause, in one line.
        hint: What to do about it.
        causes: Where several causes are possible, all of them, the likeliest first; ``message`` names that one.
        also: What else is broken at the same step.
    """

    code: str
    message: str
    hint: str
    causes: tuple[Cause, ...] = ()
    also: tuple[Remark, ...] = ()


class BrokenStepError(Exception):
    """Ends a walk; it never leaves this package.

    Attributes:
        fault: Why.
    """

    def __init__(self, code: str, message: str, hint: str, also: Sequence[Remark] = ()) -> None:
        super().__init__(message)
        self.fault = Fault(code, message, hint, also=tuple(also))

    @classmethod
    def of_causes(cls, code: str, problem: str, causes: Sequence[Cause], said: str = "") -> BrokenStepError:
        """Return what ends a walk for one of several causes.

        Args:
            code: A stable slug.
            problem: What was seen; empty: ``said`` tells it.
            causes: What may be behind it, the likeliest first.
            said: What the service said, in its words.
        """
        first = causes[0]
        likely = first.reason if first.is_certain else f"most likely, {first.reason}"
        message = ": ".join(filter(None, [problem, likely]))
        broken = cls(code, f'{message}; the service says "{said}"' if said else message, first.check)
        broken.fault = replace(broken.fault, causes=tuple(causes))
        return broken

    @classmethod
    def of_error(cls, error: RolesAnywhereError, hint: str) -> BrokenStepError:
        """Return what ends a walk for an error of ours; ``hint`` counts where it has none."""
        return cls(error.code, error.message, error.hint or hint)


@dataclass(frozen=True)
class Step:
    """A step of the walk.

    Attributes:
        name: A stable slug, such as ``create-session``.
        found: What was found, in one line; empty where it is broken.
        remarks: What deserves attention.
        fault: What is broken, or None.
    """

    name: str
    found: str
    remarks: tuple[Remark, ...] = ()
    fault: Fault | None = None

    @property
    def outcome(self) -> Literal["ok", "warning", "error"]:
        """Whether it is in order, deserves attention, or is broken."""
        if self.fault is not None:
            return "error"
        return "warning" if self.remarks else "ok"


@dataclass(frozen=True)
class Examination:
    """What a walk found.

    Attributes:
        steps: Those that were taken, in their order.
        not_taken: The names of those behind the one that is broken.
    """

    steps: tuple[Step, ...]
    not_taken: tuple[str, ...] = ()

    @property
    def fault(self) -> Fault | None:
        """What is broken, or None."""
        return self.steps[-1].fault if self.steps else None

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return self.fault is None

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What deserves attention, in the order of the steps."""
        return tuple(remark for step in self.steps for remark in step.remarks)
