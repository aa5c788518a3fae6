"""Every exception of the library, in one tree.

A message says what was wrong and where, the hint says what to do about it; neither ever holds a secret.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .findings import Finding


def _slug(class_name: str) -> str:
    stem = class_name.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()


class RolesAnywhereError(Exception):
    """The base of every error that this library raises.

    Attributes:
        message: What was wrong, in one sentence.
        hint: What to do about it, or None.
        code: The class name as a slug, such as ``key-mismatch``; stable.
    """

    code: ClassVar[str] = "roles-anywhere"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = _slug(cls.__name__)

    # Keyword arguments all have defaults, so that pickle can call the class with the message alone and
    # then restore the rest from __dict__.
    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """What was wrong, in one sentence, without the hint."""
        return str(self.args[0])

    def __str__(self) -> str:
        # The hint is part of the text because most users only ever see the last lines of a traceback.
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class ConfigurationError(RolesAnywhereError):
    """What was asked for cannot be: a bad ARN, a value out of range, options that exclude each other."""


class PrivateKeyError(RolesAnywhereError):
    """Something is wrong with the private key."""


class PrivateKeyLoadError(PrivateKeyError):
    """The private key cannot be read or understood."""


class PassphraseError(PrivateKeyError):
    """The passphrase of the private key is missing or wrong."""


class UnsupportedKeyError(PrivateKeyError):
    """The key is of a type that the service does not accept or this library cannot use."""


class KeyMismatchError(PrivateKeyError):
    """The private key is not the certificate's."""


class CertificateError(RolesAnywhereError):
    """Something is wrong with a certificate."""


class CertificateLoadError(CertificateError):
    """A certificate cannot be read or understood."""


class CertificateRejectedError(CertificateError):
    """The service's rules forbid the certificate.

    Attributes:
        findings: The findings of severity ``error`` that led to this.
    """

    def __init__(self, message: str, *, hint: str | None = None, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class SigningError(RolesAnywhereError):
    """The key failed to sign."""


class TransportError(RolesAnywhereError):
    """No answer came: DNS, TLS, a proxy, a time-out, an answer too large.

    Attributes:
        retryable: Whether the same request may succeed later.
    """

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class ServiceError(RolesAnywhereError):
    """The service answered with an error.

    Attributes:
        status: The HTTP status.
        error_code: The service's name for the error, such as ``AccessDeniedException``, or None.
        service_message: The service's own sentence, or None.
        request_id: The service's identifier of the request, or None.
        retryable: Whether the same request may succeed later.
        retry_after_seconds: How long the service asks to wait, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int = 0,
        error_code: str | None = None,
        service_message: str | None = None,
        request_id: str | None = None,
        retryable: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.error_code = error_code
        self.service_message = service_message
        self.request_id = request_id
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds


class AccessDeniedError(ServiceError):
    """The service refused: signature, certificate, trust anchor, profile, role or session name."""


class InvalidRequestError(ServiceError):
    """The service found a parameter invalid."""


class ResourceNotFoundError(ServiceError):
    """The service does not know a resource that was named."""


class ThrottledError(ServiceError):
    """The service was asked too often."""


class ResponseError(RolesAnywhereError):
    """The service reported success, but its answer cannot be understood or used."""


@contextlib.contextmanager
def causes_without_frames() -> Iterator[None]:
    """Run a block, and let what an error of it came from go without its tracebacks.

    urllib3's frames hold the exceptions that hold the frames, and through their callers the key and the credentials,
    which would outlive their session until the garbage collector comes. The error's own traceback stays.
    """
    outer = sys.exc_info()[1]
    try:
        yield
    except Exception as error:
        cause = error.__context__
        # What the caller was handling already is the caller's.
        while cause is not None and cause is not outer:
            cause.__traceback__ = None
            cause = cause.__context__
        raise
