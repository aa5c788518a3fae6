"""The control plane: trust anchors, profiles, CRLs, subjects and tags, by the operations of botocore's service model.

The model is the specification: it says which operations there are, where a member of a request travels and what it may
hold, and which members an answer has. What an older botocore's model lacks does not exist here either.
"""

from __future__ import annotations

from .authentication import ControlCredentials
from .parsing import check_value
from .service import ControlPlane

__all__ = ["ControlCredentials", "ControlPlane", "check_value"]
