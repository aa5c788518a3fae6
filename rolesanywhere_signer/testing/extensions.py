"""The extensions of a certificate (RFC 5280, section 4.2), as its options say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, SubjectInformationAccessOID

from ..errors import ConfigurationError
from . import der
from .key_types import PublicKey
from .names import AlternativeName, general_names
from .options import CertificateOptions

# RFC 5280, section 4.2.1.3, and cryptography's names of the bits.
_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "contentCommitment": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
_EXTENDED_KEY_USAGES = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timeStamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
    "anyExtendedKeyUsage": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_ACCESS_METHODS = {
    "OCSP": AuthorityInformationAccessOID.OCSP,
    "caIssuers": AuthorityInformationAccessOID.CA_ISSUERS,
    "caRepository": SubjectInformationAccessOID.CA_REPOSITORY,
}
_ANY_POLICY = "2.5.29.32.0"
_POLICY_MAPPINGS = x509.ObjectIdentifier("2.5.29.33")

_Extension = tuple[x509.ExtensionType, bool]
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class IssuerIdentity(NamedTuple):
    """What a certificate can say of its issuer.

    Attributes:
        key: Its key identifier, or its public key where its certificate has none.
        name: Its own issuer, as RFC 5280 has it (section 4.2.1.1), and its
        serial_number: which is None for a root that is just being made.
    """

    key: x509.SubjectKeyIdentifier | PublicKey
    name: x509.Name
    serial_number: int | None = None


def build_extensions(
    options: CertificateOptions, subject: x509.Name, public_key: PublicKey, issuer: IssuerIdentity
) -> Iterator[_Extension]:
    """Yield each extension and whether it is critical.

    Args:
        options: Every knob.
        subject: Of the certificate; where it is empty, the alternative names are critical (RFC 5280, 4.2.1.6).
        public_key: The subject's.
        issuer: Who signs.

    Raises:
        ConfigurationError: A usage, a name or the like that there is not.
    """
    for extension, critical in _extensions(options, subject, public_key, issuer):
        yield extension, options["criticality"].get(extension.oid, critical)


def _extensions(
    options: CertificateOptions, subject: x509.Name, public_key: PublicKey, issuer: IssuerIdentity
) -> Iterator[_Extension]:
    if options["ca"] is not None:
        constraints = x509.BasicConstraints(options["ca"], options["path_length"])
        yield constraints, options["basic_constraints_critical"]
    yield from _usages(options)
    yield from _names(options, subject)
    yield from _key_identifiers(options, public_key, issuer)
    yield from _places(options)
    yield from _policies(options)
    yield from options["extra_extensions"]


def _usages(options: CertificateOptions) -> Iterator[_Extension]:
    if options["key_usage"] is not None:
        yield _key_usage(options["key_usage"]), options["key_usage_critical"]
    if options["extended_key_usage"] is not None:
        yield _extended_key_usage(options["extended_key_usage"]), options["extended_key_usage_critical"]


def _names(options: CertificateOptions, subject: x509.Name) -> Iterator[_Extension]:
    alternatives = general_names(options["subject_alternative_names"])
    if alternatives:
        yield x509.SubjectAlternativeName(alternatives), not subject.rdns
    issuer_alternatives = general_names(options["issuer_alternative_names"])
    if issuer_alternatives:
        yield x509.IssuerAlternativeName(issuer_alternatives), False
    permitted = general_names(options["permitted_names"])
    excluded = general_names(options["excluded_names"])
    if permitted or excluded:
        yield x509.NameConstraints(permitted or None, excluded or None), options["name_constraints_critical"]


def _key_identifiers(
    options: CertificateOptions, public_key: PublicKey, issuer: IssuerIdentity
) -> Iterator[_Extension]:
    own, authority = options["subject_key_identifier"], options["authority_key_identifier"]
    if isinstance(own, bytes):
        yield x509.SubjectKeyIdentifier(own), False
    elif own:
        yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    if authority is not False:
        yield authority_key_identifier(issuer, authority), False


def authority_key_identifier(
    issuer: IssuerIdentity,
    wanted: bool | bytes | str = True,  # noqa: FBT001, FBT002 - as the option
) -> x509.AuthorityKeyIdentifier:
    """Return an authority key identifier, as the option of that name says.

    Raises:
        ConfigurationError: It says what there is not.
    """
    if isinstance(wanted, bytes):
        return x509.AuthorityKeyIdentifier(wanted, None, None)
    if isinstance(issuer.key, x509.SubjectKeyIdentifier):
        of_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.key)
    else:
        of_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key)
    if wanted is True:
        return of_key
    if wanted != "issuer":
        raise ConfigurationError(
            "authority_key_identifier must be True, False, bytes or 'issuer'", hint="such as 'issuer'"
        )
    if issuer.serial_number is None:
        raise ConfigurationError("a root that is just being made cannot name itself in its authority key identifier")
    return x509.AuthorityKeyIdentifier(of_key.key_identifier, [x509.DirectoryName(issuer.name)], issuer.serial_number)


def _places(options: CertificateOptions) -> Iterator[_Extension]:
    points = _distribution_points(options["crl_distribution_points"])
    if points:
        yield x509.CRLDistributionPoints(points), False
    freshest = _distribution_points(options["freshest_crl"])
    if freshest:
        yield x509.FreshestCRL(freshest), False
    of_authority = _access_descriptions("authority_information_access", options["authority_information_access"])
    if of_authority:
        yield x509.AuthorityInformationAccess(of_authority), False
    of_subject = _access_descriptions("subject_information_access", options["subject_information_access"])
    if of_subject:
        yield x509.SubjectInformationAccess(of_subject), False


def _policies(options: CertificateOptions) -> Iterator[_Extension]:
    policies = _list_of("certificate_policies", options["certificate_policies"], _policy)
    if policies:
        yield x509.CertificatePolicies(policies), False
    mappings = [der.sequence(*map(der.object_identifier, pair)) for pair in options["policy_mappings"]]
    if mappings:
        yield x509.UnrecognizedExtension(_POLICY_MAPPINGS, der.sequence(*mappings)), True
    explicit, mapping = options["require_explicit_policy"], options["inhibit_policy_mapping"]
    if explicit is not None or mapping is not None:
        yield x509.PolicyConstraints(explicit, mapping), True
    if options["inhibit_any_policy"] is not None:
        yield x509.InhibitAnyPolicy(options["inhibit_any_policy"]), True


def _key_usage(names: Iterable[str]) -> x509.KeyUsage:
    _require_list("key_usage", names)
    bits = dict.fromkeys(_KEY_USAGES.values(), False)
    for name in names:
        if name not in _KEY_USAGES:
            raise ConfigurationError(f"there is no key usage {name!r}", hint=f"one of {', '.join(_KEY_USAGES)}")
        bits[_KEY_USAGES[name]] = True
    return x509.KeyUsage(**bits)


def _extended_key_usage(names: Iterable[str]) -> x509.ExtendedKeyUsage:
    _require_list("extended_key_usage", names)
    return x509.ExtendedKeyUsage([_EXTENDED_KEY_USAGES.get(name) or x509.ObjectIdentifier(name) for name in names])


def _distribution_points(names: Iterable[AlternativeName]) -> list[x509.DistributionPoint]:
    return [x509.DistributionPoint([name], None, None, None) for name in general_names(names)]


def _access_descriptions(
    option: str, descriptions: Iterable[str | x509.AccessDescription]
) -> list[x509.AccessDescription]:
    return _list_of(option, descriptions, _access_description)


def _access_description(described: str | x509.AccessDescription) -> x509.AccessDescription:
    if isinstance(described, x509.AccessDescription):
        return described
    method, _, name = described.partition(";")
    if method not in _ACCESS_METHODS:
        raise ConfigurationError(
            f"{described!r} is no access description",
            hint=f"METHOD;TYPE:value, where METHOD is one of {', '.join(_ACCESS_METHODS)}",
        )
    return x509.AccessDescription(_ACCESS_METHODS[method], general_names([name])[0])


def _policy(policy: str | x509.PolicyInformation) -> x509.PolicyInformation:
    if isinstance(policy, x509.PolicyInformation):
        return policy
    return x509.PolicyInformation(x509.ObjectIdentifier(_ANY_POLICY if policy == "anyPolicy" else policy), None)


def _list_of(option: str, given: Iterable[_Given], make: Callable[[_Given], _Made]) -> list[_Made]:
    _require_list(option, given)
    return [make(each) for each in given]


def _require_list(option: str, names: Iterable[object]) -> None:
    if isinstance(names, str):
        raise ConfigurationError(f"{option} must be a list of names, not the text {names!r}")
