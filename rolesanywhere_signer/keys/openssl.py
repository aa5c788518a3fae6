"""Sign with the OpenSSL that this Python's own ``ssl`` module runs on, where cryptography cannot.

That is needed for one thing, an expanded ML-DSA key without its seed. Where ``ssl`` is linked to no shared OpenSSL of
version 3.5 or later, as in Pythons that carry a static one, it cannot be had.
"""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from typing import NoReturn

# The first version with ML-DSA.
_SINCE = (3, 5)

_pointer = ctypes.c_void_p
_octets = ctypes.c_char_p
_size = ctypes.c_size_t
# What is called, what it returns and takes (man7: EVP_PKEY_new, EVP_DigestSignInit, ERR_clear_error).
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "EVP_PKEY_new_raw_private_key_ex": (_pointer, _pointer, _octets, _octets, _octets, _size),
    "EVP_PKEY_get_raw_public_key": (ctypes.c_int, _pointer, _octets, ctypes.POINTER(_size)),
    "EVP_PKEY_free": (None, _pointer),
    "EVP_MD_CTX_new": (_pointer,),
    "EVP_MD_CTX_free": (None, _pointer),
    "EVP_DigestSignInit_ex": (ctypes.c_int, *[_pointer] * 2, *[_octets] * 3, *[_pointer] * 2),
    "EVP_DigestSign": (ctypes.c_int, _pointer, _octets, ctypes.POINTER(_size), _octets, _size),
    "ERR_clear_error": (None,),
}


class OpenSslError(Exception):
    """OpenSSL refused; what it says of key material is not repeated."""


def why_not() -> str | None:
    """Return why this Python's OpenSSL cannot be used, as the end of a sentence; None: it can."""
    try:
        import ssl  # noqa: PLC0415 - a Python may lack it
    except ImportError:
        return "this Python is built without OpenSSL"
    if ssl.OPENSSL_VERSION_INFO < _SINCE or "OpenSSL" not in ssl.OPENSSL_VERSION:
        return f"this Python's {ssl.OPENSSL_VERSION} is too old to sign with it"
    if _library() is None:
        return f"this Python's {ssl.OPENSSL_VERSION} is built into it, where its functions cannot be called"
    return None


@functools.lru_cache(maxsize=1)
def _library() -> Any:
    """Return the functions of the library that ``ssl`` is linked to; None: they cannot be reached."""
    try:
        import _ssl  # noqa: PLC0415 - the same

        # Looked up through the module, which leads to the very library that it uses, wherever that is.
        library = ctypes.CDLL(_ssl.__file__)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (ImportError, OSError, AttributeError):
        return None
    return library


class OpenSslKey:
    """A private key inside OpenSSL, made of its raw octets.

    Args:
        kind: OpenSSL's name for it, such as ``ML-DSA-65``.
        private_key: The raw private key; of ML-DSA the expanded one.

    Raises:
        OpenSslError: OpenSSL refuses it.
    """

    _key = None

    def __init__(self, kind: str, private_key: bytes) -> None:
        self._kind = kind
        self._library = _library()
        made = self._library.EVP_PKEY_new_raw_private_key_ex(None, kind.encode(), None, private_key, len(private_key))
        self._key = self._checked(made)

    def __repr__(self) -> str:
        return f"<OpenSslKey {self._kind}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a private key cannot be pickled")

    def __del__(self) -> None:
        if self._key is not None:
            self._library.EVP_PKEY_free(self._key)

    def public_bytes(self) -> bytes:
        """Return the raw public key.

        Raises:
            OpenSslError: OpenSSL has none.
        """
        size = _size()
        self._checked(self._library.EVP_PKEY_get_raw_public_key(self._key, None, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._checked(self._library.EVP_PKEY_get_raw_public_key(self._key, buffer, ctypes.byref(size)))
        return buffer.raw[: size.value]

    def sign(self, data: bytes) -> bytes:
        """Return the signature over ``data``, with the algorithm's own defaults: of ML-DSA pure, without a context.

        Raises:
            OpenSslError: OpenSSL refuses.
        """
        context = self._checked(self._library.EVP_MD_CTX_new())
        try:
            self._checked(self._library.EVP_DigestSignInit_ex(context, None, None, None, None, self._key, None))
            size = _size()
            self._checked(self._library.EVP_DigestSign(context, None, ctypes.byref(size), data, len(data)))
            buffer = ctypes.create_string_buffer(size.value)
            self._checked(self._library.EVP_DigestSign(context, buffer, ctypes.byref(size), data, len(data)))
            return buffer.raw[: size.value]
        finally:
            self._library.EVP_MD_CTX_free(context)

    def _checked(self, result: Any) -> Any:
        # Pointers and successes are true. What is left in the thread's queue would be taken for an error of ssl's.
        if not result or (isinstance(result, int) and result < 0):
            self._library.ERR_clear_error()
            raise OpenSslError
        return result
