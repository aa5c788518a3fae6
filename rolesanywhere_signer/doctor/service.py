"""The calls themselves: CreateSession, the roles beyond, and who STS says the credentials are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..client import RolesAnywhereClient
from ..diagnosis import Cause, Circumstances, causes_of
from ..diagnosis.values import look_up
from ..endpoints import check_endpoint_url, is_loopback, sts_url
from ..errors import AccessDeniedError, RolesAnywhereError, ServiceError, TransportError
from ..refresh import Refresher
from . import sts
from .findings import BrokenStepError

if TYPE_CHECKING:
    from .patient import Patient

_MOST_OF_A_SENTENCE = 400
_AFTER_CREDENTIALS = (
    "CreateSession gave credentials, so certificate, trust anchor, profile and role are right; "
    "--sts-endpoint URL names another endpoint, such as a VPC endpoint's"
)

_AT_ANOTHER_ROLE = (
    "CreateSession gave credentials, so what is wrong is at the role beyond: its ARN, its trust policy, or the way to "
    "STS"
)


def create_session(patient: Patient) -> str:
    """Exchange the certificate for credentials.

    Raises:
        BrokenStepError: The service refuses.
        TransportError, ResponseError: No answer came, or none that can be used.
    """
    client = RolesAnywhereClient(patient.settings, patient.identity, patient.question.clock)
    try:
        credentials = client.exchange(patient.loaded)
    except ServiceError as error:
        raise _refusal(error, patient) from error
    patient.credentials = credentials
    seconds = round(credentials.remaining(patient.now()).total_seconds())
    who = credentials.assumed_role_arn or credentials.role_arn
    return f"credentials of {who}, valid until {credentials.expiration:%Y-%m-%d %H:%M:%S} UTC ({seconds:,} s)"


def _refusal(error: ServiceError, patient: Patient) -> BrokenStepError:
    known = Circumstances(patient.settings, patient.loaded, patient.anchors, patient.now(), patient.skew)
    causes = causes_of(error, known)
    said = (error.service_message or error.message)[:_MOST_OF_A_SENTENCE]
    if not causes and isinstance(error, AccessDeniedError) and error.service_message:
        causes = _unknown_refusal(known)
    if causes:
        return BrokenStepError.of_causes(error.code, "", causes, said)
    support = f"; AWS support finds the call by its request id, {error.request_id}" if error.request_id else ""
    return BrokenStepError(
        error.code, f"CreateSession failed: {error.message}", error.hint or f"try again later{support}"
    )


def _unknown_refusal(known: Circumstances) -> tuple[Cause, ...]:
    """Return what leads to sentences that nobody wrote down yet."""
    settings = known.settings
    end = known.loaded.certificate.not_valid_after_utc
    return (
        Cause("the trust anchor is disabled", look_up("enable-trust-anchor", settings.trust_anchor_arn)),
        Cause("the profile is disabled", look_up("enable-profile", settings.profile_arn)),
        Cause(
            "a certificate of the trust anchor has expired, or by the service's clock this one has",
            f"see {look_up('get-trust-anchor', settings.trust_anchor_arn)}; this certificate ends on {end:%Y-%m-%d}",
        ),
    )


def assume_roles(patient: Patient) -> str | None:
    """Go on to the roles of the profiles that stand on this one; None: there are none.

    Raises:
        BrokenStepError: One cannot be assumed.
    """
    roles = patient.plan.roles
    if not roles:
        return None
    from ..assume_role import make_assuming_fetch  # noqa: PLC0415 - imports botocore
    from ..frozen import FrozenSource  # noqa: PLC0415 - the same

    refresher = Refresher(lambda: patient.credentials, patient.now)
    for role in roles:
        fetch = make_assuming_fetch(FrozenSource(refresher), role, patient.settings, patient.now)
        refresher = Refresher(fetch, patient.now)
    try:
        patient.credentials = refresher.get()
    except RolesAnywhereError as error:
        raise BrokenStepError.of_error(error, _AT_ANOTHER_ROLE) from error
    return " -> ".join(role.role_arn for role in roles)


def get_caller_identity(patient: Patient) -> str:
    """Ask STS whose credentials they are.

    Raises:
        BrokenStepError: It does not take them, or cannot be asked.
    """
    url = _sts_url(patient)
    try:
        arn = sts.get_caller_identity(patient.credentials, url, patient.settings)
    except (TransportError, ServiceError) as error:
        code = "sts-not-reachable" if isinstance(error, TransportError) else error.code
        raise BrokenStepError(code, f"GetCallerIdentity at {url}: {error.message}", _AFTER_CREDENTIALS) from error
    return f"{arn} ({url})"


def _sts_url(patient: Patient) -> str:
    settings, question = patient.settings, patient.question
    given = question.sts_endpoint_url or question.environment.get("AWS_ENDPOINT_URL_STS")
    if given:
        return check_endpoint_url(given)
    if is_loopback(urlsplit(settings.url).hostname or ""):
        return settings.url  # the local service answers both
    return sts_url(settings.signing_region, fips=settings.use_fips_endpoint, dualstack=settings.use_dualstack_endpoint)
