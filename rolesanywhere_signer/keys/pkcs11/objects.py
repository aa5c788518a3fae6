"""What lies in a token: certificates, private keys, and the public halves of these."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from ...errors import CertificateLoadError, PrivateKeyLoadError
from .failures import explained
from .module import Module, Token
from .pin import Pin
from .uri import Pkcs11Uri, object_uri

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_MOST_SHOWN = 10
_CERTIFICATE, _PUBLIC, _PRIVATE = "CERTIFICATE", "PUBLIC_KEY", "PRIVATE_KEY"
# id-ecPublicKey (RFC 5480, section 2.1.1).
_EC_OID = bytes.fromhex("06072a8648ce3d0201")


@dataclass(frozen=True)
class StoredCertificate:
    """A certificate in a token.

    Attributes:
        certificate: The certificate.
        token: Where it lies.
        label: CKA_LABEL.
        object_id: CKA_ID, by which a token says which key is a certificate's.
    """

    certificate: x509.Certificate
    token: Token
    label: str
    object_id: bytes

    @property
    def uri(self) -> str:
        """The URI that names it."""
        return object_uri(self.token.names, self.label, self.object_id, "cert")


@dataclass(frozen=True)
class StoredKey:
    """A private key in a token, in an open session.

    Attributes:
        found: The binding's own.
        token: Where it lies.
        label: CKA_LABEL.
        object_id: CKA_ID.
        kind: ``RSA``, ``EC``, or another type by its PKCS#11 name.
        asks_each_time: Whether the PIN is wanted for each signature: CKA_ALWAYS_AUTHENTICATE.
    """

    found: Any = field(repr=False)
    token: Token
    label: str
    object_id: bytes
    kind: str
    asks_each_time: bool

    @property
    def uri(self) -> str:
        """The URI that names it."""
        return object_uri(self.token.names, self.label, self.object_id, "private")


def find_certificates(module: Module, uri: Pkcs11Uri, pin: Pin) -> list[StoredCertificate]:
    """Return the certificates that a URI fits, in every token that it fits.

    They are public as a rule; the PIN is asked for where no certificate is found without it, and it is at hand
    and one token alone fits.

    Raises:
        CertificateLoadError: None fits; lists those that are there.
        PrivateKeyLoadError, PassphraseError: The token cannot be opened.
    """
    if uri.text("type") not in (None, "cert"):
        raise CertificateLoadError(f"{uri} names no certificate", hint="write type=cert, or leave the type out")
    tokens = module.fitting_tokens(uri)
    there = [each for token in tokens for each in _certificates(module.public_session(token), token)]
    fitting = [each for each in there if _fits(each.label, each.object_id, uri)]
    # A PIN is for one token.
    if not fitting and pin.is_given and len(tokens) == 1:
        there = [each for token in tokens for each in _certificates(module.session(token, pin), token)]
        fitting = [each for each in there if _fits(each.label, each.object_id, uri)]
    if not fitting:
        raise CertificateLoadError(
            f"no certificate fits {uri}; there are:{listed([each.uri for each in there])}",
            hint="correct object= or id= in the URI, or write the certificate into the token",
        )
    return fitting


def all_certificates(module: Module, token: Token) -> list[StoredCertificate]:
    """Return every certificate of a token that is seen now."""
    return list(_certificates(module.public_session(token), token))


def find_key(module: Module, uri: Pkcs11Uri, pin: Pin) -> StoredKey:
    """Return the private key that a URI fits.

    Raises:
        PrivateKeyLoadError: None fits, or several do; lists what there is.
        PassphraseError: The PIN is missing or wrong.
    """
    if uri.text("type") not in (None, "private"):
        raise PrivateKeyLoadError(f"{uri} names no private key", hint="write type=private, or leave the type out")
    tokens = _to_open(module, uri)
    there: list[StoredKey] = []
    for token in tokens:
        gets_pin = len(tokens) == 1 or token.has("LOGIN_REQUIRED")
        session = module.session(token, pin) if gets_pin else module.public_session(token)
        there += private_keys(session, token)
    fitting = [each for each in there if _fits(each.label, each.object_id, uri)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise PrivateKeyLoadError(
            f"no private key fits {uri}; there are:{listed([each.uri for each in there])}",
            hint="correct object= or id= in the URI of the key",
        )
    raise PrivateKeyLoadError(
        f"{len(fitting)} private keys fit {uri}, and one must be chosen:{listed([each.uri for each in fitting])}",
        hint="name one with token=, object= or id= in the URI",
    )


def _to_open(module: Module, uri: Pkcs11Uri) -> list[Token]:
    """Return the tokens in which a key is looked for; at most one of them gets the PIN.

    To every other one it would be a wrong PIN, of which a token takes three or so.

    Raises:
        PrivateKeyLoadError: Several want a PIN, and what can be seen without it does not tell which.
    """
    tokens = module.fitting_tokens(uri)
    locked = [token for token in tokens if token.has("LOGIN_REQUIRED")]
    if len(locked) > 1:
        locked = [token for token in locked if _shows(module, token, uri)] or locked
        tokens = [token for token in tokens if token in locked or not token.has("LOGIN_REQUIRED")]
    if len(locked) > 1:
        names = [str(Pkcs11Uri(dict(token.names))) for token in locked]
        raise PrivateKeyLoadError(
            f"{len(locked)} tokens fit {uri}, and the PIN is for one of them:{listed(names)}",
            hint="name the token by token= or serial= in the URI of the key",
        )
    return tokens


def _shows(module: Module, token: Token, uri: Pkcs11Uri) -> bool:
    """Return whether a certificate or a public key of the name that is sought is seen without the PIN."""
    session = module.public_session(token)
    seen = [found for kind in (_CERTIFICATE, _PUBLIC) for found in _search(session, token, kind)]
    return any(_fits(_label(found), _bytes(found, "ID"), uri) for found in seen)


def listed(uris: Sequence[str]) -> str:
    """Return lines that show what there is; long lists are cut."""
    more = f"\n  and {len(uris) - _MOST_SHOWN} more" if len(uris) > _MOST_SHOWN else ""
    return "".join(f"\n  {uri}" for uri in sorted(uris)[:_MOST_SHOWN]) + more or " none"


def _fits(label: str, object_id: bytes, uri: Pkcs11Uri) -> bool:
    return uri.text("object") in (None, label) and uri.object_id in (None, object_id)


def _certificates(session: Any, token: Token) -> Iterator[StoredCertificate]:
    for found in _search(session, token, _CERTIFICATE):
        # Attribute certificates, and what is no certificate: nobody's identity.
        with contextlib.suppress(ValueError, TypeError):
            certificate = x509.load_der_x509_certificate(_bytes(found, "VALUE"))
            yield StoredCertificate(certificate, token, _label(found), _bytes(found, "ID"))


def private_keys(session: Any, token: Token) -> Iterator[StoredKey]:
    """Yield the private keys of a token that a session sees."""
    for found in _search(session, token, _PRIVATE):
        kind = _value(found, "KEY_TYPE")
        asks = _value(found, "ALWAYS_AUTHENTICATE") is True
        yield StoredKey(found, token, _label(found), _bytes(found, "ID"), getattr(kind, "name", "unknown"), asks)


def public_half(session: Any, key: StoredKey) -> CertificatePublicKeyTypes | None:
    """Return the public key: of the private object, of the public one beside it, or of its certificate; else None."""
    if key.kind == "RSA":
        modulus, exponent = _bytes(key.found, "MODULUS"), _bytes(key.found, "PUBLIC_EXPONENT")
        if modulus and exponent:
            return _rsa(modulus, exponent)
    if not key.object_id:
        return None
    for found in _search(session, key.token, _PUBLIC):
        if _bytes(found, "ID") == key.object_id and getattr(_value(found, "KEY_TYPE"), "name", "") == key.kind:
            half = _of_object(found, key.kind)
            if half is not None:
                return half
    certificates = [each for each in _certificates(session, key.token) if each.object_id == key.object_id]
    halves = [_of_certificate(each.certificate, key.kind) for each in certificates]
    return next((half for half in halves if half is not None), None)


def _of_object(found: Any, kind: str) -> CertificatePublicKeyTypes | None:
    if kind == "RSA":
        return _rsa(_bytes(found, "MODULUS"), _bytes(found, "PUBLIC_EXPONENT"))
    point = _bytes(found, "EC_POINT")
    # A DER OCTET STRING; some tokens give the bare point.
    if point[:1] == b"\x04" and len(point) > 2 and _der(0x04, point[2 if point[1] < 0x80 else 3 :]) == point:
        point = point[2 if point[1] < 0x80 else 3 :]
    algorithm = _der(0x30, _EC_OID + _bytes(found, "EC_PARAMS"))
    try:
        return load_der_public_key(_der(0x30, algorithm + _der(0x03, b"\0" + point)))  # type: ignore[return-value]
    except Exception:  # noqa: BLE001 - a curve that is not known, or bytes that are no point
        return None


def _rsa(modulus: bytes, exponent: bytes) -> CertificatePublicKeyTypes | None:
    try:
        return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()
    except ValueError:
        return None


def _of_certificate(certificate: x509.Certificate, kind: str) -> CertificatePublicKeyTypes | None:
    try:
        half = certificate.public_key()
        _ = half.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # noqa: BLE001 - a key that is not known here
        return None
    expected = {"RSA": rsa.RSAPublicKey, "EC": ec.EllipticCurvePublicKey}.get(kind)
    return half if expected is not None and isinstance(half, expected) else None


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = (
        bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    )
    return bytes([tag]) + length + content


def _search(session: Any, token: Token, kind: str) -> list[Any]:
    import pkcs11  # noqa: PLC0415 - an extra

    try:
        return list(session.get_objects({pkcs11.Attribute.CLASS: getattr(pkcs11.ObjectClass, kind)}))
    except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
        raise explained(error, str(token), PrivateKeyLoadError) from None


def _value(found: Any, name: str) -> Any:
    import pkcs11  # noqa: PLC0415 - an extra

    try:
        return found[getattr(pkcs11.Attribute, name)]
    except Exception:  # noqa: BLE001 - an attribute that is absent or malformed is as none
        return None


def _bytes(found: Any, name: str) -> bytes:
    value = _value(found, name)
    return value if isinstance(value, bytes) else b""


def _label(found: Any) -> str:
    value = _value(found, "LABEL")
    return value.rstrip("\0 ") if isinstance(value, str) else ""
