"""ML-DSA keys as OpenSSL writes them, and in every other form that a PKCS#8 file may have (RFC 9881, RFC 8018)."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from rolesanywhere_signer.testing import der

KNOWS_ML_DSA = find_spec("cryptography.hazmat.primitives.asymmetric.mldsa") is not None
needs_ml_dsa = pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography has no ML-DSA")

ARCS = {"ML-DSA-44": 17, "ML-DSA-65": 18, "ML-DSA-87": 19}
NAMES = list(ARCS)
PASSPHRASE = "planted-passphrase"

_SALT, _IV = bytes(range(16)), bytes(range(16, 32))
_PBES2, _PBKDF2, _SCRYPT = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
# None: no hash is named, which means SHA-1.
HASHES = {
    None: ("sha1", b""),
    **{
        name: (name, der.sequence(der.object_identifier(f"1.2.840.113549.2.{arc}"), der.element(der.NULL)))
        for name, arc in (("sha1", 7), ("sha224", 8), ("sha256", 9), ("sha384", 10), ("sha512", 11))
    },
}
CIPHERS = {16: 2, 24: 22, 32: 42}


class MlDsaKey(NamedTuple):
    """One key in its parts."""

    name: str
    seed: bytes
    expanded: bytes
    public_key: bytes
    signature_over_data: bytes

    @property
    def as_seed(self) -> bytes:
        return self.pkcs8(der.tagged(0, self.seed, constructed=False))

    @property
    def as_expanded(self) -> bytes:
        return self.pkcs8(der.octet_string(self.expanded))

    @property
    def as_both(self) -> bytes:
        return self.pkcs8(der.sequence(der.octet_string(self.seed), der.octet_string(self.expanded)))

    def pkcs8(self, form: bytes, *more: bytes, version: int = 0, parameters: bytes = b"") -> bytes:
        """Return a PKCS#8 key with ``form`` in it."""
        oid = der.object_identifier(f"2.16.840.1.101.3.4.3.{ARCS[self.name]}")
        return der.sequence(der.integer(version), der.sequence(oid, parameters), der.octet_string(form), *more)


def _read() -> dict[str, MlDsaKey]:
    content = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))["keys"]
    found = {}
    for name, members in content.items():
        both, public_key, signature = (base64.b64decode(members[each]) for each in members)
        seed, expanded = map(der.content, der.split(der.content(der.split(both)[2])))
        found[name] = MlDsaKey(name, seed, expanded, public_key, signature)
        assert found[name].as_both == both
    return found


KEYS = _read()


def pem(encoded: bytes, label: str = "PRIVATE KEY") -> bytes:
    lines = base64.encodebytes(encoded)
    return f"-----BEGIN {label}-----\n".encode() + lines + f"-----END {label}-----\n".encode()


def encrypted(encoded: bytes, key_octets: int = 32, derivation: str | None = "sha256") -> bytes:
    """Return a PKCS#8 key encrypted under ``PASSPHRASE``; ``derivation``: the hash of PBKDF2, or ``scrypt``."""
    if derivation == "scrypt":
        key = hashlib.scrypt(PASSPHRASE.encode(), salt=_SALT, n=1024, r=8, p=1, dklen=key_octets)
        numbers = (der.integer(1024), der.integer(8), der.integer(1))
        function = der.sequence(der.object_identifier(_SCRYPT), der.sequence(der.octet_string(_SALT), *numbers))
    else:
        name, algorithm = HASHES[derivation]
        key = hashlib.pbkdf2_hmac(name, PASSPHRASE.encode(), _SALT, 1000, key_octets)
        parameters = der.sequence(der.octet_string(_SALT), der.integer(1000), algorithm)
        function = der.sequence(der.object_identifier(_PBKDF2), parameters)
    cipher_name = der.object_identifier(f"2.16.840.1.101.3.4.1.{CIPHERS[key_octets]}")
    scheme = der.sequence(function, der.sequence(cipher_name, der.octet_string(_IV)))
    padding = 16 - len(encoded) % 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(_IV)).encryptor()
    ciphertext = encryptor.update(encoded + bytes([padding]) * padding) + encryptor.finalize()
    return der.sequence(der.sequence(der.object_identifier(_PBES2), scheme), der.octet_string(ciphertext))
