"""A walk over the whole way from settings to credentials, which ends at the first step that is broken.

Nothing is sent before everything that can be looked at here is in order.
"""

from __future__ import annotations

from .findings import Examination, Fault, Remark, Step
from .patient import Question
from .walk import LOCAL_STEPS, STEPS, examine

__all__ = ["LOCAL_STEPS", "STEPS", "Examination", "Fault", "Question", "Remark", "Step", "examine"]
