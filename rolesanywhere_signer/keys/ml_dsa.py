"""ML-DSA keys (FIPS 204), out of each of the three forms that PKCS#8 has for them.

cryptography makes a key of a seed and of nothing else. An expanded key without its seed, which cannot be got back, is
left to the OpenSSL of this Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import cryptography
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.backends.openssl import backend

from ..errors import PrivateKeyLoadError, SigningError, UnsupportedKeyError
from .forking import no_fork_meanwhile
from .ml_dsa_forms import ParameterSet, agree, read_forms
from .pkcs8 import DerError
from .protocol import ML_DSA
from .software import SoftwareKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey, MLDSA65PublicKey, MLDSA87PublicKey

    MlDsaPublicKey = MLDSA44PublicKey | MLDSA65PublicKey | MLDSA87PublicKey

# The first version of cryptography with ML-DSA.
_SINCE = 48


class Signer(Protocol):
    """What signs: a key of cryptography's, or of OpenSSL's."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``: pure, without a context."""


class MlDsaKey(SoftwareKey):
    """An ML-DSA key; signs the data itself, without a hash before it and without a context.

    Signatures differ each time (FIPS 204, section 3.4: hedged).
    """

    algorithm = ML_DSA

    def __init__(self, private_key: Signer, public_key: MlDsaPublicKey) -> None:
        self._private_key = private_key
        self.public_key = public_key

    def __repr__(self) -> str:
        return f"<MlDsaKey {type(self.public_key).__name__.removesuffix('PublicKey').replace('MLDSA', 'ML-DSA-')}>"

    def sign(self, data: bytes) -> bytes:
        """Return the signature: 2420, 3309 or 4627 octets.

        Raises:
            SigningError: The key failed to sign.
        """
        try:
            with no_fork_meanwhile:
                return self._private_key.sign(data)
        except Exception as error:
            raise SigningError("the ML-DSA key failed to sign") from error


def ml_dsa_key(private_key: Any) -> MlDsaKey:
    """Return a key of cryptography's behind the protocol."""
    return MlDsaKey(private_key, private_key.public_key())


def parse_ml_dsa(data: bytes) -> MlDsaKey:
    """Parse an unencrypted PKCS#8 key of ML-DSA.

    Raises:
        PrivateKeyLoadError: Damaged, or its parts do not belong together.
        UnsupportedKeyError: The installed cryptography has no ML-DSA, or the key has no seed, and nothing here signs
            without one.
    """
    # The causes are dropped ("from None"): what a parser says of key material is nothing to show.
    try:
        parameters, seed, expanded, public_key = read_forms(data)
    except DerError:
        raise PrivateKeyLoadError(
            "the ML-DSA private key cannot be understood: it is damaged, or neither seed, nor expanded key, nor both",
            hint="OpenSSL 3.5 or later makes one: openssl genpkey -algorithm ML-DSA-65 -out FILE",
        ) from None
    try:
        key = _of_expanded(expanded or b"", parameters) if seed is None else _of_seed(seed, parameters)
    except UnsupportedAlgorithm:
        raise _too_old(parameters) from None
    own = key.public_key.public_bytes_raw()
    if seed is not None and expanded is not None and not agree(seed, expanded, own, parameters):
        raise PrivateKeyLoadError(
            f"the {parameters.name} private key holds a seed and an expanded key that do not belong together",
            hint="the file was altered; take it from where it was copied, or make a new key",
        )
    if public_key not in (None, own):
        raise PrivateKeyLoadError(f"the {parameters.name} private key holds a public key that is not its own")
    return key


def _of_seed(seed: bytes, parameters: ParameterSet) -> MlDsaKey:
    return ml_dsa_key(_of_cryptography(parameters, "PrivateKey").from_seed_bytes(seed))


def _of_expanded(expanded: bytes, parameters: ParameterSet) -> MlDsaKey:
    public_class = _of_cryptography(parameters, "PublicKey")
    try:
        from .openssl import OpenSslError, OpenSslKey, why_not  # noqa: PLC0415 - ctypes may be missing
    except ImportError:
        raise _no_seed(parameters, "this Python is built without ctypes, by which OpenSSL is called") from None
    reason = why_not()
    if reason is not None:
        raise _no_seed(parameters, reason)
    try:
        with no_fork_meanwhile:
            key = OpenSslKey(parameters.name, expanded)
            return MlDsaKey(key, public_class.from_public_bytes(key.public_bytes()))
    except (OpenSslError, ValueError):
        raise PrivateKeyLoadError(
            f"the {parameters.name} private key is damaged: OpenSSL refuses its expanded key",
            hint="take it from where it was copied, or make a new key",
        ) from None


def _no_seed(parameters: ParameterSet, reason: str) -> UnsupportedKeyError:
    # A seed becomes an expanded key by hashing: there is no way back, and no tool that could convert the file.
    return UnsupportedKeyError(
        f"the {parameters.name} private key has no seed, only the expanded key; cryptography needs the seed, "
        f"and {reason}",
        hint="take the file that the key was made in, which has its seed; or run a Python whose ssl.OPENSSL_VERSION "
        "is 3.5 or later; or make a new key, with its seed: "
        f"openssl genpkey -algorithm {parameters.name} -out FILE (OpenSSL 3.5 or later)",
    )


def _of_cryptography(parameters: ParameterSet, kind: str) -> Any:
    """Return cryptography's class of keys; ``kind``: ``PrivateKey`` or ``PublicKey``."""
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 - only newer versions have it
    except ImportError:
        raise _too_old(parameters) from None
    return getattr(mldsa, f"{parameters.name.replace('-', '')}{kind}")


def _too_old(parameters: ParameterSet) -> UnsupportedKeyError:
    version = f"cryptography {cryptography.__version__} with {backend.openssl_version_text()}"
    return UnsupportedKeyError(
        f"the private key is of the type {parameters.name}, and {version}, which is installed, has no ML-DSA",
        hint=f"update it, as its wheel has it since version {_SINCE}: pip install --upgrade 'cryptography>={_SINCE}'",
    )
