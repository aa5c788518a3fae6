"""Keys in memory, from files or bytes: PKCS#8, PKCS#1, SEC1, in PEM or DER, encrypted or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

from ..errors import (
    ConfigurationError,
    PassphraseError,
    PrivateKeyLoadError,
    RolesAnywhereError,
    SigningError,
    UnsupportedKeyError,
)
from ..files import Source, is_source, read_source
from ..pem import PemBlock, PemError, parse_blocks
from .forking import no_fork_meanwhile
from .protocol import ECDSA_SHA256, RSA_SHA256, Digest, SigningKey

if TYPE_CHECKING:
    from typing import NoReturn

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Passphrase = str | bytes | Callable[[], str]
_Loader = Callable[[bytes, "bytes | None"], "PrivateKeyTypes"]

_PBES2_OID = bytes.fromhex("06092a864886f70d01050d")
# The beginning of the three object identifiers, 2.16.840.1.101.3.4.3.17 to 19, with tag and length.
_ML_DSA_OID = bytes.fromhex("06096086480165030403")
# The first octets of a PKCS#8 key, whatever the lengths in it.
_WHERE_OIDS_ARE = 20
# A key that stays in its TPM, and a file with a key that its TPM alone can use.
_TPM_SCHEME = "handle:"
_TPM_LABEL = "TSS2 PRIVATE KEY"
_PKCS1 = padding.PKCS1v15()
_HASHES: dict[Digest, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_ECDSA = {digest: ec.ECDSA(algorithm) for digest, algorithm in _HASHES.items()}


class SoftwareKey:
    """What keys in memory share: they are neither shown nor pickled."""

    algorithm: str

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "a private key cannot be pickled",
            hint="pickle an identity made with Identity.from_files: it carries the paths and reads the key again",
        )


class RsaKey(SoftwareKey):
    """An RSA key; signs with RSASSA-PKCS1-v1_5 over SHA-256."""

    algorithm = RSA_SHA256

    def __init__(self, private_key: rsa.RSAPrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key()

    def __repr__(self) -> str:
        return f"<RsaKey {self._private_key.key_size} bits>"

    def sign(self, data: bytes) -> bytes:
        """Return the signature, as long as the modulus.

        Raises:
            SigningError: The key is too small for the padding.
        """
        return self.sign_with(data, "SHA256")

    def sign_with(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature over another hash.

        Raises:
            SigningError: The key is too small for the padding.
        """
        try:
            with no_fork_meanwhile:
                return self._private_key.sign(data, _PKCS1, _HASHES[digest])
        except ValueError as error:
            raise SigningError("the RSA key failed to sign; it may be too small") from error


class EcKey(SoftwareKey):
    """An elliptic-curve key; signs with ECDSA over SHA-256 whatever the curve."""

    algorithm = ECDSA_SHA256

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key()

    def __repr__(self) -> str:
        return f"<EcKey {self._private_key.curve.name}>"

    def sign(self, data: bytes) -> bytes:
        """Return the signature as DER SEQUENCE of r and s.

        Raises:
            SigningError: The key failed to sign.
        """
        return self.sign_with(data, "SHA256")

    def sign_with(self, data: bytes, digest: Digest) -> bytes:
        """Return the signature over another hash, as DER SEQUENCE of r and s.

        Raises:
            SigningError: The key failed to sign.
        """
        try:
            with no_fork_meanwhile:
                return self._private_key.sign(data, _ECDSA[digest])
        except ValueError as error:
            raise SigningError("the EC key failed to sign") from error


def load_private_key(source: Source | SigningKey, passphrase: Passphrase | None = None) -> SigningKey:
    """Load a private key from a path or from bytes.

    Args:
        source: A path, or PEM or DER as bytes. Certificates and EC PARAMETERS beside the key are passed over. A key
            that is open already stays as it is. ``handle:0x81…`` is a key in a TPM.
        passphrase: For an encrypted key, or one in a TPM; a callable is asked only when there is one.

    Raises:
        PrivateKeyLoadError: Unreadable, no key or several keys inside, or damaged.
        PassphraseError: The key is encrypted, and the passphrase is missing or wrong.
        UnsupportedKeyError: Neither RSA, EC nor ML-DSA, or not with what is installed.
    """
    if not is_source(source):
        return as_signing_key(source)  # type: ignore[arg-type]
    if isinstance(source, str) and source.startswith(_TPM_SCHEME):
        from .tpm import open_handle  # noqa: PLC0415 - for such keys alone

        return open_handle(source, passphrase)
    return parse_private_key(read_source(source, what="private key", error=PrivateKeyLoadError), passphrase)  # type: ignore[arg-type]


def parse_private_key(data: bytes, passphrase: Passphrase | None = None) -> SigningKey:
    """Parse a private key out of PEM or DER bytes.

    Raises:
        PrivateKeyLoadError: No key or several keys inside, or damaged.
        PassphraseError: The key is encrypted, and the passphrase is missing or wrong.
        UnsupportedKeyError: Neither RSA, EC nor ML-DSA, or not with what is installed.
    """
    block = _private_key_block(data)
    if block is None:
        return _decode(load_der_private_key, data, data, passphrase)
    if block.label == _TPM_LABEL:
        return _key_in_tpm(block, passphrase)
    return _decode(load_pem_private_key, block.text, _pkcs8(block), passphrase)


def _pkcs8(block: PemBlock) -> bytes:
    """Return the DER of a PKCS#8 key; empty for another kind of block."""
    try:
        return block.der if block.label in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY") else b""
    except PemError:
        return b""


def _key_in_tpm(block: PemBlock, passphrase: Passphrase | None) -> SigningKey:
    from .tpm import open_key_file  # noqa: PLC0415 - for such keys alone

    try:
        der = block.der
    except PemError as error:
        raise PrivateKeyLoadError(f"the TPM key file cannot be read: {error}") from error
    return open_key_file(der, passphrase)


def _private_key_block(data: bytes) -> PemBlock | None:
    try:
        blocks = parse_blocks(data)
    except PemError as error:
        raise PrivateKeyLoadError(f"the private key cannot be read: {error}") from error
    keys = [block for block in blocks if block.label.endswith("PRIVATE KEY")]
    if len(keys) > 1:
        raise PrivateKeyLoadError(f"{len(keys)} private keys stand in one file; which one is meant is not clear")
    if blocks and not keys:
        labels = ", ".join(sorted({block.label for block in blocks}))
        raise PrivateKeyLoadError(
            f"no private key inside; there is: {labels}",
            hint="give the file that has a line -----BEGIN PRIVATE KEY----- (or EC, RSA, ENCRYPTED PRIVATE KEY)",
        )
    return keys[0] if keys else None


def _decode(load: _Loader, data: bytes, pkcs8: bytes, passphrase: Passphrase | None) -> SigningKey:
    if _ML_DSA_OID in pkcs8[:_WHERE_OIDS_ARE]:
        from .ml_dsa import parse_ml_dsa  # noqa: PLC0415 - for such a key alone

        return parse_ml_dsa(pkcs8)
    # The causes are dropped ("from None"): what a parser says of key material is nothing to show.
    try:
        key = load(data, None)
    except TypeError:
        _refuse_costly(pkcs8)
        return _decrypt(load, data, pkcs8, passphrase_bytes(passphrase))
    except UnsupportedAlgorithm:
        raise UnsupportedKeyError("the private key is of a type or curve that is not supported") from None
    except Exception:  # noqa: BLE001 - whatever the parser makes of odd bytes
        if _PBES2_OID not in pkcs8[:_WHERE_OIDS_ARE] or data.startswith(b"-----BEGIN PRIVATE KEY"):
            raise _not_a_key() from None
        _refuse_costly(pkcs8)
        # Encrypted, with something in it that DER has otherwise, such as a default that is written out.
        return _decrypt_by_hand(pkcs8, passphrase_bytes(passphrase))
    return signing_key(key)


def _refuse_costly(pkcs8: bytes) -> None:
    from .pkcs8 import CostlyError, refuse_costly  # noqa: PLC0415 - for encrypted keys alone

    try:
        refuse_costly(pkcs8)
    except CostlyError:
        raise UnsupportedKeyError(
            "the private key is encrypted with so many rounds, or so much memory, that no passphrase is tried",
            hint="the file may be damaged; else encrypt it anew: openssl pkcs8 -topk8 -in FILE -out NEW",
        ) from None


def _decrypt_by_hand(pkcs8: bytes, passphrase: bytes) -> SigningKey:
    from .pkcs8 import DerError, decrypt_pbes2, read_private_key_info  # noqa: PLC0415 - as above

    try:
        decrypted = decrypt_pbes2(pkcs8, passphrase)
        read_private_key_info(decrypted)
    except DerError:
        raise PassphraseError(
            "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged"
        ) from None
    return parse_private_key(decrypted)


def _decrypt(load: _Loader, data: bytes, pkcs8: bytes, passphrase: bytes) -> SigningKey:
    from .ml_dsa_forms import decrypt_if_ml_dsa  # noqa: PLC0415 - for encrypted keys alone

    ml_dsa = decrypt_if_ml_dsa(pkcs8, passphrase)
    if ml_dsa is not None:
        from .ml_dsa import parse_ml_dsa  # noqa: PLC0415 - for such a key alone

        return parse_ml_dsa(ml_dsa)
    try:
        key = load(data, passphrase)
    except UnsupportedAlgorithm:
        raise UnsupportedKeyError("the private key is encrypted in a way that is not supported") from None
    except Exception:  # noqa: BLE001 - a wrong passphrase shows itself as any kind of decoding error
        raise PassphraseError(
            "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged"
        ) from None
    return signing_key(key)


def passphrase_bytes(
    passphrase: Passphrase | None, missing: str = "the private key is encrypted and no passphrase was given"
) -> bytes:
    """Return the passphrase as bytes; a callable is asked.

    Args:
        passphrase: Text, bytes, a callable, or None.
        missing: The message when it is None.

    Raises:
        PassphraseError: It is missing, cannot be had, or is neither text nor bytes.
    """
    if callable(passphrase):
        passphrase = _ask(passphrase)
    if passphrase is None:
        raise PassphraseError(missing, hint="pass passphrase=, or a callable that asks")
    if not isinstance(passphrase, (str, bytes)):
        raise PassphraseError(f"the passphrase must be str or bytes, not {type(passphrase).__name__}")
    if isinstance(passphrase, bytes):
        return passphrase
    try:
        # What os.environ makes of bytes that are not UTF-8 becomes the same bytes again.
        return passphrase.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise PassphraseError("the passphrase holds a character that no encoding has") from None


def _ask(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except RolesAnywhereError:
        raise
    except Exception as error:
        raise PassphraseError(f"the callable that gives the passphrase failed: {type(error).__name__}") from error


def _not_a_key() -> PrivateKeyLoadError:
    return PrivateKeyLoadError(
        "the private key cannot be understood; it is damaged or of another format",
        hint="PKCS#8, PKCS#1 and SEC1 keys are read, in PEM or DER; openssl pkey -in FILE -check tells more",
    )


def signing_key(private_key: PrivateKeyTypes) -> SigningKey:
    """Return the key behind the protocol.

    Raises:
        UnsupportedKeyError: Neither RSA, EC nor ML-DSA.
    """
    if isinstance(private_key, rsa.RSAPrivateKey):
        return RsaKey(private_key)
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return EcKey(private_key)
    if type(private_key).__name__.startswith("MLDSA"):  # the classes exist only in newer versions
        from .ml_dsa import ml_dsa_key  # noqa: PLC0415 - for such a key alone

        return ml_dsa_key(private_key)
    kind = type(private_key).__name__.removesuffix("PrivateKey").lstrip("_")
    raise UnsupportedKeyError(
        f"private keys of type {kind} are not supported",
        hint="use an RSA or an EC key, such as P-256 or P-384, or an ML-DSA key",
    )


def as_signing_key(key: SigningKey | PrivateKeyTypes) -> SigningKey:
    """Return a private key of cryptography's own behind the protocol; one that is behind it already stays as it is.

    Raises:
        UnsupportedKeyError: One of cryptography's own, and neither RSA, EC nor ML-DSA.
    """
    return key if hasattr(key, "algorithm") else signing_key(key)  # type: ignore[return-value]
