"""Where a key of a TPM is: at a persistent handle, or in a key file that is loaded for each use."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .failures import RefusedPasswordError
from .handles import SCHEME, is_persistent
from .key_file import HIERARCHIES, KeyFile

if TYPE_CHECKING:
    from tpm2_pytss import ESAPI, TPM2B_PUBLIC

    from .connection import Tpm

_NULL_HIERARCHY = 0x40000007
# Storage keys as all writers of key files make them: the same one comes out each time ("ASN.1 Specification for TPM
# 2.0 Key Files", on the parent).
_EC_PRIMARY, _RSA_PRIMARY = "ecc256:aes128cfb", "rsa2048:aes128cfb"
_PRIMARY_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"


class Place(Protocol):
    """A key's place."""

    def __str__(self) -> str:
        """Return how messages name it."""

    def reach(self, tpm: Tpm) -> contextlib.AbstractContextManager[Any]:
        """Return the binding's handle of the key, for a ``with`` block; nothing is left in the TPM after it."""

    def identify(self, name: bytes) -> bytes:
        """Return what tells this key, with its password, from every other; ``name`` is the TPM's own of it."""


class PersistentHandle(NamedTuple):
    """A key that stays in the TPM.

    Attributes:
        handle: Its handle.
    """

    handle: int

    def __str__(self) -> str:
        return f"the key {SCHEME}0x{self.handle:08x}"

    @contextlib.contextmanager
    def reach(self, tpm: Tpm) -> Iterator[Any]:
        """Find the key."""
        yield tpm.ask(lambda: tpm.esapi.tr_from_tpmpublic(self.handle))

    def identify(self, name: bytes) -> bytes:
        """The handle and the name; another key may come to the same handle."""
        return b"handle %08x " % self.handle + name


class FileInTpm(NamedTuple):
    """A key out of a key file.

    Attributes:
        file: What the key file says.
    """

    file: KeyFile

    def __str__(self) -> str:
        return "the key of the TPM key file"

    @contextlib.contextmanager
    def reach(self, tpm: Tpm) -> Iterator[Any]:
        """Load the key under its parent, and flush it after the block."""
        from tpm2_pytss import TPM2B_PRIVATE, TPM2B_PUBLIC  # noqa: PLC0415 - of the extra

        public, _ = tpm.ask(lambda: TPM2B_PUBLIC.unmarshal(self.file.public))
        private, _ = tpm.ask(lambda: TPM2B_PRIVATE.unmarshal(self.file.private))
        with contextlib.ExitStack() as stack:
            try:
                with self._parent(tpm) as parent:
                    key = stack.enter_context(tpm.loaded(lambda: tpm.esapi.load(parent, private, public)))
            except RefusedPasswordError as refusal:
                refusal.of_parent = True
                raise
            # The parent is gone again: some TPMs hold no more than three objects.
            yield key

    @contextlib.contextmanager
    def _parent(self, tpm: Tpm) -> Iterator[Any]:
        if is_persistent(self.file.parent):
            yield tpm.ask(lambda: tpm.esapi.tr_from_tpmpublic(self.file.parent))
            return
        template = tpm.ask(self._template)
        with tpm.loaded(lambda: _create_primary(tpm.esapi, self.file.parent, template)) as primary:
            yield primary

    def _template(self) -> TPM2B_PUBLIC:
        from tpm2_pytss import TPM2B_PUBLIC, TPMT_PUBLIC  # noqa: PLC0415 - of the extra

        kind = _RSA_PRIMARY if self.file.rsa_parent else _EC_PRIMARY
        return TPM2B_PUBLIC(TPMT_PUBLIC.parse(kind, objectAttributes=_PRIMARY_ATTRIBUTES))

    def identify(self, name: bytes) -> bytes:
        """The private area changes with the password."""
        return b"file " + hashlib.sha256(self.file.private).digest() + name


def _create_primary(esapi: ESAPI, hierarchy: int, template: TPM2B_PUBLIC) -> Any:
    from tpm2_pytss import ESYS_TR, TPM2B_SENSITIVE_CREATE  # noqa: PLC0415 - of the extra

    root = getattr(ESYS_TR, "NULL" if hierarchy == _NULL_HIERARCHY else HIERARCHIES[hierarchy].upper())
    return esapi.create_primary(TPM2B_SENSITIVE_CREATE(), template, root)[0]
