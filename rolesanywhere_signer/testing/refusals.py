"""Why a request is refused, in the service's own words."""

from __future__ import annotations

# What people saw the live service answer, word for word.
INVALID_SIGNATURE = "Invalid signature"
UNTRUSTED_ISSUER = "Untrusted signing certificate"
UNFIT_LEAF = "Untrusted certificate. Insufficient certificate"
CERTIFICATE_REVOKED = "Certificate revoked"
UNKNOWN_TRUST_ANCHOR = "Specified Trust Anchor wasn't found."
UNUSABLE_PROFILE = "Invalid or empty profile provided."
ROLE_NOT_IN_PROFILE = "Requested Role isn't one of those listed in the Profile."
SESSION_NAME_NOT_ALLOWED = "Not authorized to set roleSessionName."
DURATION_TOO_LONG = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
NOT_A_CA = "Incorrect basic constraints for CA certificate"
# The space at the end is the service's own.
PRIVATE_CA_REFUSED = "Error creating TrustAnchor. Given AWS PCA did not allow get request.: "
RATE_EXCEEDED = "Rate exceeded"
NOT_AUTHORIZED = "User: {} is not authorized to perform: rolesanywhere:{} on resource: {}"

# What all services that verify SigV4 answer.
UNKNOWN_CREDENTIALS = "The security token included in the request is invalid."
WRONG_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Refusal(Exception):  # noqa: N818 - it never leaves this package: it becomes an answer
    """An error answer on its way to the caller.

    Attributes:
        status: The HTTP status.
        error_code: The service's name for the error.
        message: The service's sentence.
    """

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message


def access_denied(message: str) -> Refusal:
    """Return a 403."""
    return Refusal(403, "AccessDeniedException", message)


def invalid_request(message: str) -> Refusal:
    """Return a 400."""
    return Refusal(400, "ValidationException", message)


def not_found(message: str) -> Refusal:
    """Return a 404."""
    return Refusal(404, "ResourceNotFoundException", message)


def role_not_assumed(role_arn: str, reason: str = "", dropped: str | None = None) -> Refusal:
    """Return the 403 of an AssumeRole that failed.

    Args:
        role_arn: The role.
        reason: What STS said.
        dropped: Which attributes are no session tags, as a sentence; the service tells it where the role's trust
            policy may have missed them.
    """
    message = f"Unable to assume role for {role_arn} {reason}".rstrip()
    if dropped is None:
        return access_denied(message)
    return access_denied(f"{message.removesuffix('.')}. {dropped}")
