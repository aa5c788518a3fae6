"""The one place where errors of foreign libraries about bad arguments become ours, and the refusals of the service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ..errors import ConfigurationError
from .refusals import Refusal

_FOREIGN = (ValueError, TypeError, AttributeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)


@contextmanager
def arguments_of(what: str) -> Iterator[None]:
    """Turn what cryptography says about a bad argument inside the block into our error.

    Args:
        what: What the argument is for, as the message begins.

    Raises:
        ConfigurationError: The block raised for a bad argument.
    """
    try:
        yield
    except _FOREIGN as error:
        reason = str(error) or type(error).__name__
        raise ConfigurationError(f"{what}: {reason}") from error


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    """Turn what the service would answer to a bad argument inside the block into our error.

    Raises:
        ConfigurationError: The service would refuse it.
    """
    try:
        yield
    except Refusal as refusal:
        raise ConfigurationError(f"the service refuses this: {refusal.message}".rstrip()) from refusal
