"""Make one certificate: what a CA, or a root that is just being made, signs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..clock import require_aware, utc_now
from ..errors import ConfigurationError
from . import der
from .extensions import IssuerIdentity, build_extensions
from .key_types import PrivateKey, PublicKey, is_ml_dsa
from .options import CertificateOptions
from .seam import arguments_of
from .signatures import Signing, turn_a_bit

# How long before now a certificate starts, and how long it lasts.
LEAF_LIFE = (timedelta(hours=1), timedelta(days=365))
CA_LIFE = (timedelta(days=1), timedelta(days=3652))

# In a certificate's body, the explicit tags of its version and its extensions (RFC 5280, section 4.1).
_VERSION, _EXTENSIONS = 0xA0, 0xA3
# The place of the public key among the members of a body with a version.
_PUBLIC_KEY = 6
# Where an ML-DSA key is to be: the builder of cryptography 48 takes none.
_STAND_IN = ed25519.Ed25519PublicKey.from_public_bytes(bytes(32))


class Issuer:
    """Whoever signs.

    Args:
        name: The issuer's.
        key: The issuer's.
        identity: What certificates can say of the issuer.
    """

    def __init__(self, name: x509.Name, key: PrivateKey, identity: IssuerIdentity) -> None:
        self._name = name
        self._key = key
        self._identity = identity

    def sign(
        self, subject: x509.Name, public_key: PublicKey, options: CertificateOptions, life: tuple[timedelta, timedelta]
    ) -> x509.Certificate:
        """Return a certificate; ``life``: how long ago it starts and how long it lasts where nobody says so.

        Raises:
            ConfigurationError: An option that no certificate can have, or one that makes it unreadable.
        """
        encoded = self.sign_der(subject, public_key, options, life)
        try:
            return x509.load_der_x509_certificate(encoded)
        except (ValueError, x509.InvalidVersion) as error:
            raise ConfigurationError(
                f"cryptography reads no such certificate: {error}",
                hint="CertificateAuthority.issue_der gives the bytes of what is malformed on purpose",
            ) from error

    def sign_der(
        self, subject: x509.Name, public_key: PublicKey, options: CertificateOptions, life: tuple[timedelta, timedelta]
    ) -> bytes:
        """Return a certificate as DER, which need not be readable.

        Raises:
            ConfigurationError: An option that no certificate can have.
        """
        with arguments_of("the certificate cannot be made"):
            signing = Signing(
                self._key, options["signature_hash"], options["rsa_padding"], bool(options["deterministic"])
            )
            encoded = signing.sign(self._builder(subject, public_key, options, life))
            edit = _edit(options, public_key)
            if edit is not None:
                encoded = signing.sign_again(encoded, edit)
            if options["wrong_signature"]:
                encoded = turn_a_bit(encoded)
            return encoded if options["edit_der"] is None else bytes(options["edit_der"](encoded))

    def _builder(
        self, subject: x509.Name, public_key: PublicKey, options: CertificateOptions, life: tuple[timedelta, timedelta]
    ) -> x509.CertificateBuilder:
        not_before, not_after = _validity(options, life)
        serial = options["serial_number"]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(_STAND_IN if is_ml_dsa(public_key) else public_key)
            .serial_number(x509.random_serial_number() if serial is None else serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
        )
        for extension, critical in build_extensions(options, subject, public_key, self._identity):
            builder = builder.add_extension(extension, critical)
        return builder


def _validity(options: CertificateOptions, life: tuple[timedelta, timedelta]) -> tuple[datetime, datetime]:
    started_before, lasts = life
    # A certificate's times are whole seconds (RFC 5280, section 4.1.2.5).
    now = utc_now().replace(microsecond=0)
    duration = lasts if options["valid_for"] is None else options["valid_for"]
    if options["expired"]:
        return now - timedelta(hours=1) - duration, now - timedelta(hours=1)
    if options["not_yet_valid"]:
        start = now + timedelta(days=1)
    elif options["valid_from"] is None:
        start = now - started_before
    else:
        start = require_aware(options["valid_from"], "valid_from").replace(microsecond=0)
    if options["valid_until"] is None:
        return start, start + duration
    return start, require_aware(options["valid_until"], "valid_until").replace(microsecond=0)


def _edit(options: CertificateOptions, public_key: PublicKey) -> Callable[[bytes], bytes] | None:
    """Return what puts into a certificate's body what no builder does, such as wrong things; None: nothing does."""
    repeated = frozenset(each.dotted_string for each in options["repeated_extensions"])
    raw = tuple(options["raw_extensions"])
    version, serial, last = options["version"], options["odd_serial_number"], options["edit_tbs"]
    by_hand = is_ml_dsa(public_key)
    if version == 3 and serial is None and not repeated and not raw and last is None and not by_hand:
        return None

    def edit(body: bytes) -> bytes:
        members = der.split(body)
        if by_hand:
            members[_PUBLIC_KEY] = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if serial is not None:
            members[1] = der.integer(serial)
        if repeated or raw:
            members[-1] = _with_more_extensions(members[-1], repeated, raw)
        if version != 3:
            members = _of_version(version, members)
        edited = der.sequence(*members)
        return edited if last is None else last(edited)

    return edit


def _with_more_extensions(member: bytes, repeated: frozenset[str], raw: tuple[bytes, ...]) -> bytes:
    """Return the member of a certificate's body that holds the extensions, with more of them in it."""
    if member[0] != _EXTENSIONS:
        raise ConfigurationError("a certificate without extensions cannot have more of them")
    present = der.split(der.content(member))
    wanted = {der.object_identifier(dotted) for dotted in repeated}
    copies = [each for each in present if der.split(each)[0] in wanted]
    if len(copies) < len(wanted):
        raise ConfigurationError("an extension that the certificate has not cannot be repeated")
    return der.tagged(3, der.sequence(*present, *copies, *raw))


def _of_version(version: int, members: list[bytes]) -> list[bytes]:
    bare = [member for member in members if member[0] not in (_VERSION, _EXTENSIONS)]
    # Version 1 is the default, which DER leaves out; the number in it is one less than the version's.
    return bare if version == 1 else [der.tagged(0, der.integer(version - 1)), *bare]
