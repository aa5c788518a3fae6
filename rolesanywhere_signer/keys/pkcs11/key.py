"""A private key that stays in its token and signs there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from ...errors import (
    ConfigurationError,
    KeyMismatchError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    SigningError,
    UnsupportedKeyError,
)
from ..forking import no_fork_meanwhile
from ..protocol import ECDSA_SHA256, RSA_SHA256, Digest
from .failures import explained, is_final
from .module import in_use, load_module
from .objects import StoredKey, find_key, public_half
from .pin import Pin
from .uri import Pkcs11Uri, parse_pkcs11_uri

if TYPE_CHECKING:
    from typing import NoReturn

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from ..software import Passphrase

# DigestInfo up to the digest itself (RFC 8017, section 9.2, note 1): tokens add the padding alone.
_DIGEST_INFO = {
    "SHA256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "SHA384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "SHA512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
_PROOF = b"rolesanywhere-signer: is this key the certificate's?"


class Pkcs11Key:
    """A private key in a PKCS#11 token, found by its URI.

    One object serves many threads, which sign one after the other. Where the session is lost, because the token was
    removed or the process has forked, the key is found again. A PIN that was refused is not sent twice.

    Args:
        uri: The URI, or its text.
        passphrase: The PIN, where the URI has none: text, bytes, or a callable.
        module: The path of the PKCS#11 module, where the URI has none.
        reuse_pin: For a key that wants its PIN for each signature: take the one that opened the token.
        expected: The public key, for tokens that do not tell it: it is proven by a signature.

    Raises:
        ConfigurationError: The URI or the module cannot be used.
        PrivateKeyLoadError: No key fits the URI, or several do.
        PassphraseError: The PIN is missing or wrong.
        UnsupportedKeyError: The key is neither RSA nor EC.
    """

    def __init__(
        self,
        uri: Pkcs11Uri | str,
        passphrase: Passphrase | None = None,
        module: str | None = None,
        *,
        reuse_pin: bool = False,
        expected: CertificatePublicKeyTypes | None = None,
    ) -> None:
        self.uri = parse_pkcs11_uri(uri) if isinstance(uri, str) else uri
        self._pin = Pin(self.uri, passphrase)
        self._reuse_pin = reuse_pin
        self._module = load_module(self.uri.module_path or module)
        self._stored: StoredKey | None = None
        self._generation = -1
        with in_use(self._module):
            stored = self._open_anew()
            half = public_half(self._module.session(stored.token, self._pin), stored)
        self.public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = self._checked(half or expected, stored)
        self.algorithm = RSA_SHA256 if isinstance(self.public_key, rsa.RSAPublicKey) else ECDSA_SHA256
        if half is None:
            self._prove()

    def _checked(
        self, half: CertificatePublicKeyTypes | None, stored: StoredKey
    ) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        if stored.kind not in ("RSA", "EC"):
            raise UnsupportedKeyError(
                f"{stored.uri} is a key of type {stored.kind}, which is not supported", hint="use an RSA or an EC key"
            )
        if half is None:
            raise PrivateKeyLoadError(
                f"{stored.token} does not tell the public half of {stored.uri}",
                hint="write its certificate, or its public key, into the token with the same id",
            )
        if not isinstance(half, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
            raise KeyMismatchError(f"{stored.uri} is not the certificate's key: it is of another type")
        return half

    def _prove(self) -> None:
        if not self._verifies(self._signature(_PROOF, "SHA256"), _PROOF, "SHA256"):
            raise KeyMismatchError(
                f"the private key {self.uri} is not the certificate's", hint="name the key by its id= or object="
            )

    def _verifies(self, signature: bytes, data: bytes, digest: Digest) -> bool:
        algorithm = _HASHES[digest]
        try:
            with no_fork_meanwhile:
                if isinstance(self.public_key, rsa.RSAPublicKey):
                    self.public_key.verify(signature, data, padding.PKCS1v15(), algorithm)
                else:
                    self.public_key.verify(signature, data, ec.ECDSA(algorithm))
        except InvalidSignature:
            return False
        return True

    def sign(self, data: bytes) -> bytes:
        """Return the signature over SHA-256: PKCS#1 v1.5, or DER SEQUENCE of r and s.

        Raises:
            SigningError: The token failed, or is gone.
            PassphraseError: The PIN is wrong, or the token is locked.
        """
        return self.sign_with(data, "SHA256")

    def sign_with(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature over another hash.

        Raises:
            SigningError: The token failed, or is gone.
            PassphraseError: The PIN is wrong, or the token is locked.
        """
        signature = self._signature(data, digest)
        # A token that came back may hold another key, of which it does not tell the public half.
        if not self._verifies(signature, data, digest):
            raise SigningError(
                f"{self.uri} gave a signature that is not one of the certificate's key",
                hint="see that the token holds the certificate's own key; name it by its id= or object=",
            )
        return signature

    def _signature(self, data: bytes, digest: Digest) -> bytes:
        hashed = hashlib.new(digest, data).digest()
        if isinstance(self.public_key, rsa.RSAPublicKey):
            return self._sign_raw("RSA_PKCS", _DIGEST_INFO[digest] + hashed)
        size = (self.public_key.curve.key_size + 7) // 8
        # Tokens need not shorten a hash that is longer than the curve (FIPS 186-5, section 6.4.1).
        raw = self._sign_raw("ECDSA", hashed[:size])
        if len(raw) % 2 or not raw:
            raise SigningError(f"the token of {self.uri} returned no ECDSA signature")
        half = len(raw) // 2
        return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def _sign_raw(self, mechanism: str, block: bytes) -> bytes:
        try:
            with in_use(self._module):
                return self._sign(mechanism, block)
        except PrivateKeyLoadError as error:
            raise SigningError(error.message, hint=error.hint) from None

    def _sign(self, mechanism: str, block: bytes) -> bytes:
        try:
            return self._sign_once(mechanism, block)
        except RolesAnywhereError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
            if is_final(error):
                raise explained(error, self._where()) from None
        # The token may have been away, or somebody else may have ended the session.
        self._module.forget_sessions()
        try:
            return self._sign_once(mechanism, block)
        except RolesAnywhereError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the binding makes of it
            raise explained(error, self._where()) from None

    def _sign_once(self, mechanism: str, block: bytes) -> bytes:
        import pkcs11  # noqa: PLC0415 - an extra

        stored = self._stored
        if stored is None or self._generation != self._module.generation:
            stored = self._open_anew()
        sign: Any = getattr(stored.found, "sign", None)
        if sign is None:
            raise SigningError(f"{stored.uri} may not sign", hint="make a key that may sign (CKA_SIGN)")
        pin = self._pin_of_the_key(stored) if stored.asks_each_time else None
        try:
            return bytes(sign(block, mechanism=getattr(pkcs11.Mechanism, mechanism), pin=pin))
        except pkcs11.PinIncorrect as error:
            if pin is not None:
                stored.token.note_refused(pin)
            raise explained(error, str(stored.token)) from None

    def _pin_of_the_key(self, stored: StoredKey) -> str:
        pin = (self._module.known_pin(stored.token) if self._reuse_pin else None) or self._pin.get(stored.uri)
        stored.token.check_not_refused(pin)
        return pin

    def _open_anew(self) -> StoredKey:
        """Find the key.

        Raises:
            SigningError: Another key has its name by now: what it signs would not fit the certificate.
        """
        stored = self._module.once_more(lambda: find_key(self._module, self.uri, self._pin))
        if self._stored is not None:
            half = public_half(self._module.session(stored.token, self._pin), stored)
            if half is not None and half != self.public_key:
                raise SigningError(
                    f"another private key is at {self.uri} by now",
                    hint="put its certificate there too: it is read again when credentials are asked for",
                )
        self._stored, self._generation = stored, self._module.generation
        return stored

    def _where(self) -> str:
        return str(self._stored.token) if self._stored is not None else f"the token of {self.uri}"

    def __repr__(self) -> str:
        return f"<Pkcs11Key {self.uri}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "a private key cannot be pickled",
            hint="pickle an identity that is made of URIs: it carries them and opens the key again",
        )
