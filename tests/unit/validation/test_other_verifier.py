"""cryptography's own path verifier beside ours, over every case with a trust anchor.

It knows the Web's rules and not the service's, so the leaf's extensions are not its business here. Where the two
differ, the reason is written below.
"""

from __future__ import annotations

from functools import cache

import pytest
from cryptography import x509
from cryptography.x509 import verification

from rolesanywhere_signer.certificates import parse_certificates

from . import test_chain_table, test_issuers, test_leaf_table, test_name_constraints, test_path_table
from .table import Builder, Chain, Pem, pem

if not hasattr(verification, "ExtensionPolicy"):
    pytest.skip("this cryptography's verifier takes no extension policies (45 does)", allow_module_level=True)

# Errors that only the service's rules, or our limits, make.
SERVICE_RULES = {
    "empty-subject",
    "unsupported-key",
    "is-ca",
    "no-key-usage",
    "no-digital-signature",
    "too-many-intermediates",
    "too-large",
    "key-mismatch",
}

# Cases in which it decides otherwise than we do.
REASONS = {
    "critical_extension": "we warn of unknown critical extensions, since the service may know them",
    "intermediate_with_a_critical_extension": "we warn of policy constraints, and do not process them",
    "anchor_with_a_critical_extension": "we warn of an inhibited policy, and do not process it",
    "intermediate_without_key_usage": "RFC 5280, 6.1.4 (n) asks for keyCertSign only where there is a key usage",
    "leaf_as_anchor": "it asks nothing of a certificate that is itself the leaf and the anchor",
    "issued_leaf_as_anchor": "it asks nothing of a certificate that is itself the leaf and the anchor",
    "self_issued_certificates_do_not_count": "it counts a CA's certificate for itself; RFC 5280, 6.1.4 (l) does not",
    "names_in_other_letters": "it compares names byte by byte; RFC 5280, 7.1 compares without case and spacing",
    "anchored_intermediate_with_sha224": "it does not look at a trust anchor's signature; the service's guide does",
    "small_rsa_issuer": "it wants RSA keys of 2048 bits; the service documents no size",
    "ed25519": "it does not verify Ed25519 and Ed448, which the Web does not use",
    "koblitz": "it does not verify signatures on curves that the Web does not use",
    "sha3": "it does not verify SHA-3 signatures, which the Web does not use",
    "address_in_the_subject": "it does not apply email constraints to the subject; RFC 5280, 4.2.1.10 does",
    "constraint_on_addresses": "it checks IP addresses, and we warn that we do not",
    "too_many_names_to_compare": "its limit on comparisons is higher than ours",
}

# Cases in which some versions do.
REASONS_OF_VERSIONS = {
    "subject_outside": "version 48 does not apply directory name constraints to subjects",
    "intermediate_with_a_forbidden_name": "version 48 does not apply directory name constraints to subjects",
    "self_issued_leaf": "version 48 does not apply directory name constraints to subjects",
    "self_issued_intermediate": "version 50 refuses directory name constraints altogether",
}

TABLES = [
    module.table for module in (test_leaf_table, test_chain_table, test_path_table, test_name_constraints, test_issuers)
]
BUILDERS: dict[str, Builder] = {case.values[0].__name__: case.values[0] for table in TABLES for case in table.cases}


@cache
def verdicts(name: str) -> tuple[bool, bool] | None:
    """Return whether we accept and whether the other does; None without a trust anchor, where there is no path."""
    chain = BUILDERS[name]()
    return None if chain.anchor is None else (ours_accepts(chain), other_accepts(chain))


@pytest.mark.parametrize("name", [name for name in BUILDERS if name not in REASONS_OF_VERSIONS])
def test_both_decide_alike_unless_there_is_a_reason(name: str) -> None:
    both = verdicts(name)
    assert (both is not None and both[0] != both[1]) == (name in REASONS)


def test_every_reason_has_its_case() -> None:
    assert {*REASONS, *REASONS_OF_VERSIONS} <= set(BUILDERS)


def test_they_agree_on_most_refusals() -> None:
    refused = [both for both in map(verdicts, BUILDERS) if both is not None and not both[0]]
    agreed = [both for both in refused if not both[1]]
    assert len(agreed) > 0.7 * len(refused) > 20


def ours_accepts(chain: Chain) -> bool:
    return all(finding.code in SERVICE_RULES for finding in chain.validate().errors)


def other_accepts(chain: Chain) -> bool:
    policy = verification.ExtensionPolicy
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store(certificates(chain.anchor)))
        .time(chain.at)
        .max_chain_depth(20)
        .extension_policies(ca_policy=policy.webpki_defaults_ca(), ee_policy=policy.permit_all())
    )
    (leaf,) = certificates(chain.leaf)
    try:
        builder.build_client_verifier().verify(leaf, certificates(chain.intermediates or []))
    except verification.VerificationError:
        return False
    return True


def certificates(sources: Pem | list[Pem] | None) -> list[x509.Certificate]:
    given = sources if isinstance(sources, list) else [sources]
    return [each for source in given if source is not None for each in parse_certificates(pem(source))]
