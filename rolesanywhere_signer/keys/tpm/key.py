"""A key in a TPM behind the protocol."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ...errors import ConfigurationError, PassphraseError, RolesAnywhereError, SigningError, UnsupportedKeyError
from .. import refusals
from ..protocol import ECDSA_SHA256, RSA_SHA256, Digest
from .connection import Tpm, connected
from .failures import RefusedPasswordError

if TYPE_CHECKING:
    from typing import NoReturn

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from tpm2_pytss import TPMT_SIG_SCHEME, TPMT_TK_HASHCHECK

    from .places import Place
    from .public_area import PublicArea

_COUNTED = "the TPM counted a wrong password, and locks itself after some; "


def _no_ticket() -> TPMT_TK_HASHCHECK:
    """Return what stands for no proof that the TPM made the digest: keys that ask for one are restricted."""
    from tpm2_pytss import TPM2_RH, TPM2_ST, TPMT_TK_HASHCHECK  # noqa: PLC0415 - of the extra

    return TPMT_TK_HASHCHECK(tag=TPM2_ST.HASHCHECK, hierarchy=TPM2_RH.NULL)


class TpmKey:
    """A key in a TPM; it signs with RSASSA-PKCS1-v1_5 or ECDSA. It is neither shown nor pickled.

    Each signature connects to the TPM, and leaves nothing in it.

    Args:
        place: Where the key is.
        area: What it is.
        password: Its password; empty: none.

    Attributes:
        public_key: Its public half.
        algorithm: The SigV4-X509 algorithm.
    """

    def __init__(self, place: Place, area: PublicArea, password: bytes) -> None:
        self._place = place
        self._area = area
        self._password = password
        self.public_key: CertificatePublicKeyTypes = area.public_key
        self.algorithm = RSA_SHA256 if area.is_rsa else ECDSA_SHA256

    def __repr__(self) -> str:
        return f"<TpmKey {str(self._place).removeprefix('the key ')}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "an opened key of a TPM cannot be pickled",
            hint="pickle an identity that was made with the handle or the key file: it opens the key again",
        )

    def sign(self, data: bytes) -> bytes:
        """Return the signature over SHA-256, as long as the modulus or as DER SEQUENCE of r and s.

        Raises:
            SigningError: The TPM refused, or is not there.
            PassphraseError: It refused the password, which is not tried again.
        """
        return self.sign_with(data, "SHA256")

    def sign_with(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature over another hash.

        Raises:
            SigningError: The TPM refused, or is not there.
            PassphraseError: It refused the password, which is not tried again.
            UnsupportedKeyError: The key is made for another hash.
        """
        return self.sign_or(SigningError, data, digest)

    def sign_or(self, error: type[RolesAnywhereError], data: bytes, digest: Digest = "SHA256") -> bytes:
        """Return the signature.

        Raises:
            RolesAnywhereError: As ``error``: the TPM refused, or is not there.
            PassphraseError: It refused the password, which is not tried again.
            UnsupportedKeyError: The key is made for another hash.
        """
        scheme, value = self._area.to_sign(digest, hashlib.new(digest, data).digest())
        what = f"signing with {self._place}"
        identifier = self._place.identify(self._area.name)
        if refusals.was_refused(identifier, self._password):
            raise PassphraseError(
                f"{what}: the TPM refused this password before, and it is not tried again",
                hint="a TPM locks itself after some wrong passwords; give the right one, or start the program anew",
            )
        try:
            with connected(what, error) as tpm, self._place.reach(tpm) as key:
                if tpm.ask(lambda: bytes(tpm.esapi.tr_get_name(key))) != self._area.name:
                    # Neither is this key's password to be sent to it, nor does its signature fit the certificate.
                    raise error(
                        f"{what}: another key is there by now",
                        hint="put its certificate there too: it is read again when credentials are asked for",
                    )
                tpm.ask(lambda: tpm.esapi.tr_set_auth(key, self._password))
                signature = tpm.ask(lambda: tpm.esapi.sign(key, value, self._scheme(scheme), _no_ticket()))
                return self._encoded(tpm, signature)
        except RefusedPasswordError as refusal:
            refusals.remember(identifier, self._password)
            raise self._refused(refusal) from refusal.__cause__

    def _scheme(self, hash_algorithm: int) -> TPMT_SIG_SCHEME:
        from tpm2_pytss import TPM2_ALG, TPMT_SIG_SCHEME  # noqa: PLC0415 - of the extra

        scheme = TPMT_SIG_SCHEME(scheme=TPM2_ALG.RSASSA if self._area.is_rsa else TPM2_ALG.ECDSA)
        scheme.details.any.hashAlg = hash_algorithm
        return scheme

    def _encoded(self, tpm: Tpm, signature: Any) -> bytes:
        if self._area.is_rsa:
            return tpm.ask(lambda: bytes(signature.signature.rsassa.sig))
        ecdsa = signature.signature.ecdsa
        pair = tpm.ask(lambda: (bytes(ecdsa.signatureR), bytes(ecdsa.signatureS)))
        return encode_dss_signature(*(int.from_bytes(each, "big") for each in pair))

    def _refused(self, refusal: RefusedPasswordError) -> RolesAnywhereError:
        if refusal.of_parent:
            return UnsupportedKeyError(
                f"{refusal.message}: what the key lies under has a password of its own, which is not supported",
                hint="put the key under a persistent parent without a password, or make the key itself persistent",
            )
        counted = _COUNTED if self._area.counts_wrong_passwords else ""
        own = "the password is the one that the key was made with" if self._password else "the key has a password"
        hint = own if self._password else f"{own}: give it as the passphrase, or with --tpm-key-password"
        return PassphraseError(refusal.message, hint=f"{counted}{hint}")
