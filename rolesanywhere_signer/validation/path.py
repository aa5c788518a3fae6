"""The way from a leaf over intermediates to a trust anchor (RFC 5280, 6.1), found by issuer name and signature.

Ours to build, because the reason for which there is no path is what the user needs. Revocation is not checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from ..findings import Finding
from . import sources
from .name_constraints import NameConstraintChecker
from .names import CanonicalName
from .parsed import ParsedCertificate
from .signature import SignatureCheck, check_signature, weak_hash

# Leaf first, trust anchor last.
Path = tuple[ParsedCertificate, ...]

# A chain header holds five intermediates; what is longer is searched a little further to tell why it fails.
_MAX_LENGTH = 20
# Signatures checked and paths extended in all: the bound against bundles of many CAs with one name.
_MAX_STEPS = 500


@dataclass(frozen=True)
class _DeadEnd:
    """Where an attempt ended: the certificates so far, and those that bear the name of the last one's issuer."""

    path: Path
    namesakes: tuple[ParsedCertificate, ...]


class PathSearch:
    """Looks for paths over the given certificates, likely ones first, with bounded work.

    Args:
        intermediates: In any order, related to the leaf or not.
        anchors: The certificates to reach.
        at: The time, aware: among certificates of one name, those that are valid then are tried first.
    """

    def __init__(
        self, intermediates: Sequence[ParsedCertificate], anchors: Sequence[ParsedCertificate], at: datetime
    ) -> None:
        self._at = at
        self._anchors = frozenset(anchors)
        self._by_subject: dict[CanonicalName, list[ParsedCertificate]] = defaultdict(list)
        for certificate in (*anchors, *intermediates):
            self._by_subject[certificate.subject].append(certificate)
        self._checked: dict[tuple[ParsedCertificate, ParsedCertificate], SignatureCheck] = {}
        self._steps_left = _MAX_STEPS
        self._longest: _DeadEnd | None = None

    def paths(self, leaf: ParsedCertificate) -> Iterator[Path]:
        """Yield paths from ``leaf`` to an anchor, each signature on them verified, nothing else."""
        yield from self._extend((leaf,))

    def failure(self) -> Finding:
        """Return why no path was found: of the longest attempt, the reason why it ended."""
        if self._steps_left <= 0 or self._longest is None:
            return _gave_up()
        last, namesakes = self._longest.path[-1], self._longest.namesakes
        if not namesakes:
            return _issuer_not_found(last, self._anchors)
        return _bad_signature(last, {self._check(last, namesake) for namesake in namesakes})

    def _extend(self, path: Path) -> Iterator[Path]:
        self._steps_left -= 1
        namesakes, signed = [], False
        for candidate in self._candidates(path):
            if self._steps_left <= 0:
                return
            if not self._leads_on(candidate):
                continue
            namesakes.append(candidate)
            if self._signed(path[-1], candidate):
                signed = True
                yield from self._follow((*path, candidate))
        if not signed:
            self._note_dead_end(_DeadEnd(path, tuple(namesakes)))

    def _follow(self, path: Path) -> Iterator[Path]:
        if path[-1] in self._anchors:
            yield path
        elif len(path) < _MAX_LENGTH:
            yield from self._extend(path)

    def _candidates(self, path: Path) -> list[ParsedCertificate]:
        """Return the certificates with the issuer's name: anchors first, then by key identifier, then valid ones."""
        wanted = _authority_key(path[-1])

        def unlikeliness(candidate: ParsedCertificate) -> tuple[bool, bool, bool]:
            valid = candidate.not_before <= self._at <= candidate.not_after
            return candidate not in self._anchors, _subject_key(candidate) != wanted, not valid

        found = self._by_subject.get(path[-1].issuer, [])
        return sorted((candidate for candidate in found if candidate not in path), key=unlikeliness)

    def _leads_on(self, candidate: ParsedCertificate) -> bool:
        """Return False for a root that is no anchor: whatever it signed, a path ends there."""
        if candidate in self._anchors or not candidate.is_self_issued:
            return True
        return self._check(candidate, candidate) in (SignatureCheck.BAD, SignatureCheck.TOO_COSTLY)

    def _signed(self, certificate: ParsedCertificate, issuer: ParsedCertificate) -> bool:
        check = self._check(certificate, issuer)
        if check is SignatureCheck.UNKNOWN:
            # Old hashes are refused by newer cryptography. That they are weak is an error of its own, so that
            # nothing is accepted here which is not refused there.
            return weak_hash(certificate.certificate) is not None
        return check is SignatureCheck.GOOD

    def _check(self, certificate: ParsedCertificate, issuer: ParsedCertificate) -> SignatureCheck:
        pair = (certificate, issuer)
        if pair not in self._checked:
            self._steps_left -= 1
            self._checked[pair] = check_signature(certificate.certificate, issuer.certificate)
        return self._checked[pair]

    def _note_dead_end(self, dead_end: _DeadEnd) -> None:
        if self._longest is None or len(dead_end.path) > len(self._longest.path):
            self._longest = dead_end


def path_findings(path: Path, checker: NameConstraintChecker) -> Iterator[Finding]:
    """Yield what speaks against a path whose signatures are verified: lengths and names.

    Args:
        path: Leaf first, trust anchor last.
        checker: The same one for all paths of a validation.
    """
    yield from _path_length(path)
    yield from checker.findings(path)


def _path_length(path: Path) -> Iterator[Finding]:
    for position, authority in enumerate(path):
        allowed = authority.path_length
        if position == 0 or allowed is None:
            continue
        # A CA's certificate for itself does not count: RFC 5280, 6.1.4 (l).
        below = [certificate for certificate in path[1:position] if not certificate.is_self_issued]
        if len(below) > allowed:
            yield authority.error(
                "path-too-long",
                f"{authority.subject_text} allows {allowed} CA certificates between itself and the leaf; "
                f"there are {len(below)}: {', '.join(certificate.subject_text for certificate in below)}",
                hint=f"have the leaf issued by a CA nearer to it, or the CA renewed with pathlen:{len(below)} or more",
                rule=sources.PATH_LENGTH,
            )


def _issuer_not_found(last: ParsedCertificate, anchors: Iterable[ParsedCertificate]) -> Finding:
    names = " and ".join(sorted(anchor.subject_text for anchor in anchors)) or "(none)"
    hint = f"add the CA certificate {last.issuer_text} to the intermediates"
    if last.is_self_issued:
        hint = "a certificate that names itself as its issuer leads nowhere but to itself"
    return last.error(
        "issuer-not-found",
        f"{last.subject_text} was issued by {last.issuer_text}, and neither the trust anchor nor an intermediate below "
        "it bears that name",
        hint=f"{hint}, or check that the trust anchor is the right one; it is {names}",
        rule=sources.NAME_CHAINING,
    )


def _bad_signature(last: ParsedCertificate, checks: set[SignatureCheck]) -> Finding:
    if checks == {SignatureCheck.UNKNOWN}:
        message = f"the signature of {last.issuer_text} on it cannot be verified by the installed cryptography"
        hint = "update cryptography (ML-DSA needs version 48 or later); else the CA's key or algorithm is not known"
    elif checks == {SignatureCheck.TOO_COSTLY}:
        message = (
            f"the RSA key of {last.issuer_text} has an exponent of over 64 bits; nothing is verified with such a key"
        )
        hint = "have the CA renewed with a key of the usual exponent 65537"
    else:
        message = f"there is a CA named {last.issuer_text}, but its key did not sign this certificate"
        hint = (
            "two CAs bear this name, or the CA was renewed with a new key, or the certificate was altered; take the CA "
            "certificate whose subject key identifier is this certificate's authority key identifier"
        )
    return last.error("bad-signature", message, hint=hint, rule=sources.SIGNATURE_ON_PATH)


def _gave_up() -> Finding:
    return Finding(
        "issuer-not-found",
        "error",
        "path",
        f"no path was found within {_MAX_STEPS} steps and {_MAX_LENGTH} certificates; the search was given up",
        "give only the intermediates between the leaf and the trust anchor",
        sources.NAME_CHAINING,
    )


def _authority_key(certificate: ParsedCertificate) -> bytes | None:
    identifier = certificate.extension(x509.AuthorityKeyIdentifier)
    return identifier.key_identifier if identifier is not None else None


def _subject_key(certificate: ParsedCertificate) -> bytes | None:
    identifier = certificate.extension(x509.SubjectKeyIdentifier)
    return identifier.digest if identifier is not None else None
