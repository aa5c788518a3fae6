"""TPM key files: ``TSS2 PRIVATE KEY`` in PEM, which one TPM alone can use.

The form is that of "ASN.1 Specification for TPM 2.0 Key Files" (draft-bottomley-tpm2-keys), section 3.1.
tpm2-openssl, tpm2-tss-engine, openssl_tpm2_engine and ``tpm2_encodeobject`` write them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import PrivateKeyLoadError, UnsupportedKeyError
from .der import (
    BOOLEAN,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DerError,
    Element,
    explicit,
    read_all,
    read_one,
)
from .handles import is_persistent

# 2.23.133.10.1.3, and what its neighbours are.
_LOADABLE = bytes.fromhex("678105 0a0103")
_OTHERS = {
    bytes.fromhex("678105 0a0104"): "a key that has to be imported into the TPM first",
    bytes.fromhex("678105 0a0105"): "sealed data, which is no key",
    bytes.fromhex("678105 0a02"): "a key in the oldest form of such files",
}
_EMPTY_AUTH, _POLICY, _SECRET, _AUTH_POLICY, _DESCRIPTION, _RSA_PARENT = (explicit(number) for number in range(6))
# The roots of hierarchies (TPM 2.0 Library, part 2, "TPM_RH"), below which a primary key is the parent.
HIERARCHIES = {0x40000001: "owner", 0x40000007: "null", 0x4000000B: "endorsement", 0x4000000C: "platform"}


@dataclass(frozen=True)
class KeyFile:
    """What a TPM key file says.

    Attributes:
        has_password: Whether the key is used with one.
        parent: The handle of a persistent key, or of a hierarchy.
        rsa_parent: Whether the hierarchy's primary key is an RSA key, and not an elliptic one.
        public: The public area, a marshalled TPM2B_PUBLIC.
        private: The private area, which the parent encrypted, a marshalled TPM2B_PRIVATE. Hidden all the same.
    """

    has_password: bool
    parent: int
    rsa_parent: bool
    public: bytes = field(repr=False)
    private: bytes = field(repr=False)


def parse_key_file(der: bytes) -> KeyFile:
    """Parse the content of a TPM key file; the TPM is not asked.

    Raises:
        PrivateKeyLoadError: It is damaged.
        UnsupportedKeyError: It is of a kind that cannot be used: to be imported, bound to a policy, or sealed data.
    """
    try:
        return _parse(der)
    except DerError as error:
        raise PrivateKeyLoadError(
            f"the TPM key file is damaged: {error}", hint="write it anew, or copy it again as it was written"
        ) from None


def _parse(der: bytes) -> KeyFile:
    elements = read_all(read_one(der, SEQUENCE))
    if not elements or elements[0].tag != OBJECT_IDENTIFIER:
        raise DerError("it does not begin with its type")
    _check_type(elements[0].content)
    optional = {element.tag: element.content for element in elements[1:-3]}
    required = elements[max(1, len(elements) - 3) :]
    if [element.tag for element in required] != [INTEGER, OCTET_STRING, OCTET_STRING]:
        raise DerError("parent, public or private part is not where it belongs")
    _check_optional(optional, len(elements) - 4)
    parent, public, private = required
    return KeyFile(
        has_password=not _flag(optional, _EMPTY_AUTH),
        parent=_parent(parent),
        rsa_parent=_flag(optional, _RSA_PARENT),
        public=_sized(public.content, "public"),
        private=_sized(private.content, "private"),
    )


def _check_type(content: bytes) -> None:
    if content != _LOADABLE:
        raise UnsupportedKeyError(
            f"the TPM key file holds {_OTHERS.get(content, 'something of an unknown type')}",
            hint="write a key that can be loaded at once: tpm2_encodeobject, or openssl genpkey -provider tpm2",
        )


def _check_optional(optional: dict[int, bytes], count: int) -> None:
    known = {_EMPTY_AUTH, _POLICY, _SECRET, _AUTH_POLICY, _DESCRIPTION, _RSA_PARENT}
    if len(optional) != count or not optional.keys() <= known:
        raise DerError("it has a part that is doubled or unknown")
    if _POLICY in optional or _AUTH_POLICY in optional:
        raise UnsupportedKeyError(
            "the key in the TPM is bound to a policy, which is not supported",
            hint="make a key that is used with a password, or with none",
        )
    if _SECRET in optional:
        raise UnsupportedKeyError("the TPM key file holds a secret to import the key with, which is not supported")


def _flag(optional: dict[int, bytes], tag: int) -> bool:
    if tag not in optional:
        return False
    content = read_one(optional[tag], BOOLEAN)
    if len(content) != 1:
        raise DerError("a switch is neither on nor off")
    # DER writes true as 255; both engines of OpenSSL have written 1.
    return content != b"\0"


def _parent(element: Element) -> int:
    if not 1 <= len(element.content) <= 5:
        raise DerError("the parent is no handle")
    # Handles have their highest bit set, and some programs write them as if they were negative.
    parent = int.from_bytes(element.content, "big", signed=True) % 2**32
    if not is_persistent(parent) and parent not in HIERARCHIES:
        raise UnsupportedKeyError(
            f"the parent of the key in the TPM, 0x{parent:08x}, is neither a persistent key nor a hierarchy",
            hint="write the key file with a persistent parent: tpm2_evictcontrol, and tpm2_encodeobject -C 0x81…",
        )
    return parent


def _sized(content: bytes, what: str) -> bytes:
    """Return a TPM2B, whose first two bytes are the length of the rest."""
    if len(content) < 2 or int.from_bytes(content[:2], "big") != len(content) - 2:
        raise DerError(f"the {what} part has another length than it says")
    return content
