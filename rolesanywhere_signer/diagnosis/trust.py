"""Why the service does not believe a request: its signature, its certificate, the path to the trust anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..certificates import name_text
from ..validation import validate_loaded
from .values import Cause, Circumstances, clock_hint, clock_text, look_up

if TYPE_CHECKING:
    from cryptography import x509

    from ..findings import ValidationReport

# Of a public endpoint, whichever variant; a VPC endpoint has its region elsewhere.
_REGION_OF_HOST = re.compile(r"rolesanywhere(?:-fips)?\.([a-z]{2,}(?:-[a-z0-9]+)+)\.")


def invalid_signature(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes; that the key is the certificate's was made sure of before anything was sent."""
    if known.skew is None:
        yield Cause(
            "this machine's clock is wrong; minutes off lead to this, and the answer had no date to compare",
            "compare `date -u` with another machine, and set the clock by NTP",
        )
    elif clock_hint(known.skew):
        yield Cause(clock_text(known.skew), "set it by NTP", is_certain=True)
    yield from _another_region(known)
    agreed = "" if known.skew is None or clock_hint(known.skew) else "the clocks agree and "
    yield Cause(
        f"{agreed}the key is the certificate's, so something between here and the service changed the request",
        "a proxy that rewrites headers or opens TLS does this: have it leave this host alone, or go round it",
    )
    yield Cause(
        "endpoint_url leads to the service under another host name, and the host name is signed",
        "give the URL of the service itself, or of a forwarder that keeps the Host header",
    )


def _another_region(known: Circumstances) -> Iterator[Cause]:
    settings = known.settings
    host = urlsplit(settings.url).hostname or ""
    found = _REGION_OF_HOST.match(host)
    if found and found[1] != settings.signing_region:
        yield Cause(
            f"{host} is in {found[1]}, and the request is signed for {settings.signing_region}",
            "leave endpoint_url out, or give the endpoint of the trust anchor's region",
            is_certain=True,
        )
    own = settings.trust_anchor_arn.split(":")[3]
    if settings.signing_region != own:
        yield Cause(
            f"the request is signed for {settings.signing_region}, and the trust anchor is in {own}",
            "leave region= (--region) out",
        )


def untrusted(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes; with the trust anchor's certificate at hand, the path is checked here."""
    yield from _errors(known, with_path=True)
    arn = known.settings.trust_anchor_arn
    if known.anchors is not None:
        yield Cause(
            "the path to the certificate given as the trust anchor's is right here, so "
            f"{arn} holds another one, as after a renewal of the CA",
            f"see what it holds, and put the CA's certificate there: {look_up('get-trust-anchor', arn)}",
        )
    else:
        yield from _without_anchor(known)
    yield Cause("the trust anchor is disabled", look_up("enable-trust-anchor", arn))


def _without_anchor(known: Circumstances) -> Iterator[Cause]:
    arn, loaded = known.settings.trust_anchor_arn, known.loaded
    sent = len(loaded.chain)
    wanted = name_text(top_of_chain((loaded.certificate, *loaded.chain)).issuer)
    checked_here = "with the trust anchor's certificate (trust_anchor=, --trust-anchor FILE) the path is checked here"
    causes = [
        Cause(
            f"an intermediate is missing: the certificate was issued by {name_text(loaded.certificate.issuer)}, and "
            f"{sent or 'no'} intermediate{'' if sent == 1 else 's'} went along",
            f"unless the trust anchor holds {wanted} itself, send its certificate as well: intermediates=, "
            f"--intermediates FILE; {checked_here}",
        ),
        Cause(
            f"{arn} is the trust anchor of another CA than {wanted}, or holds a certificate from before that CA was "
            "renewed",
            f"see what it holds: {look_up('get-trust-anchor', arn)}; {checked_here}",
        ),
    ]
    # Who sends the issuer's certificate has thought of intermediates.
    complete = any(each.subject == loaded.certificate.issuer for each in loaded.chain)
    yield from reversed(causes) if complete else causes


def top_of_chain(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return where the way ends that begins with the first certificate and goes on to the issuer, by the names."""
    top, left = certificates[0], list(certificates[1:])
    while (issuer := next((each for each in left if each.subject == top.issuer), None)) is not None:
        left.remove(issuer)
        top = issuer
    return top


def insufficient(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes: what the rules say of the certificate, or what they may say that is not known here."""
    yield from _errors(known, with_path=False)
    for finding in _report(known, with_path=False).warnings:
        if finding.code == "no-client-auth":
            yield Cause(f"{finding.subject}: {finding.message}", finding.hint)
    yield Cause(
        "the certificate lacks what is demanded of it: CA:FALSE, the key usage digitalSignature, in some set-ups the "
        "extended key usage clientAuth",
        "see what it has, and have it issued anew: openssl x509 -in CERTIFICATE -noout -text",
    )
    yield Cause(
        "another CA with the same name issued it",
        f"compare the CA's certificate with the trust anchor's: "
        f"{look_up('get-trust-anchor', known.settings.trust_anchor_arn)}",
    )


def revoked(known: Circumstances, _said: str) -> Iterator[Cause]:
    """Yield causes; which certificates are revoked the service alone knows."""
    serial = f"{known.loaded.certificate.serial_number:x}"
    lists = f"aws rolesanywhere list-crls --region {known.settings.trust_anchor_arn.split(':')[3]}"
    yield Cause(
        f"serial number {serial} (hexadecimal) is on a revocation list of the trust anchor",
        f"issue a new certificate with a new key; the lists are shown by {lists}",
        is_certain=True,
    )
    yield Cause(
        "the CA gave this serial number to two certificates, and revoked the other one",
        f"look for {serial} among the certificates that the CA issued",
    )


def _report(known: Circumstances, *, with_path: bool) -> ValidationReport:
    loaded = known.loaded
    return validate_loaded(loaded.certificate, loaded.chain, known.anchors if with_path else None, known.now)


def _errors(known: Circumstances, *, with_path: bool) -> Iterator[Cause]:
    for finding in _report(known, with_path=with_path).errors:
        yield Cause(f"{finding.subject}: {finding.message}", finding.hint, is_certain=True)
