"""A key in an ssh-agent: one connection for each signature (draft-ietf-sshm-ssh-agent; RFC 8332, RFC 5656)."""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...errors import ConfigurationError, SigningError, UnsupportedKeyError
from ...seconds import monotonic_seconds
from .key import DEFAULT_TIMEOUT_SECONDS, ExternalKey
from .timeouts import check_timeout

if TYPE_CHECKING:
    from .public_keys import PublicKeySource

_REQUEST_IDENTITIES, _IDENTITIES = b"\x0b", b"\x0c"
_SIGN_REQUEST, _SIGN_RESPONSE = b"\x0d", b"\x0e"
_RSA_SHA2_256 = 2
# OpenSSH's own limit for a message.
_MOST_BYTES = 256 * 1024
_VARIABLE = "SSH_AUTH_SOCK"
_RSA, _P256 = b"rsa-sha2-256", b"ecdsa-sha2-nistp256"


class SshAgentKey(ExternalKey):
    """A private key in an ssh-agent: OpenSSH's, or another program that speaks as it does.

    RSA keys, and EC keys on P-256. With the other curves an agent signs over SHA-384 and SHA-512, which the service
    does not take.

    Args:
        public_key: The public half: the certificate, or a public key, as a path or as bytes of PEM or DER, or opened by
            cryptography. The agent's key is found by it.
        socket_path: Of the agent; None: that of ``SSH_AUTH_SOCK``, looked at for each signature.
        timeout_seconds: How long one signature may take; an agent may wait for a person.

    Raises:
        ConfigurationError: The time-out is none, or there are no Unix sockets here.
        PrivateKeyLoadError: The public key cannot be read or understood.
        UnsupportedKeyError: It is neither RSA nor on P-256.
    """

    def __init__(
        self,
        public_key: PublicKeySource,
        *,
        socket_path: str | os.PathLike[str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        if not hasattr(socket, "AF_UNIX"):
            raise ConfigurationError("there are no Unix sockets here, which an ssh-agent is reached by")
        super().__init__(public_key)
        self._blob = _key_blob(self.public_key)
        self._socket_path = None if socket_path is None else os.fspath(socket_path)
        self._timeout_seconds = check_timeout(timeout_seconds)

    def __repr__(self) -> str:
        return f"<SshAgentKey {self.algorithm}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (self._public_der(), self._socket_path, self._timeout_seconds)

    @property
    def signs(self) -> str:
        """How messages name what signs."""
        return "the ssh-agent"

    def _ask(self, data: bytes) -> bytes:
        request = _SIGN_REQUEST + _string(self._blob) + _string(data) + struct.pack(">I", _RSA_SHA2_256)
        try:
            with closing(_Agent(self._path(), monotonic_seconds() + self._timeout_seconds)) as agent:
                answer = agent.ask(request)
                if not answer.startswith(_SIGN_RESPONSE):
                    raise self._refused(agent.ask(_REQUEST_IDENTITIES))
        except TimeoutError:
            raise SigningError(
                f"the ssh-agent gave no answer within {self._timeout_seconds:g} s",
                hint="it may wait for a person to confirm, or to touch a token",
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise SigningError(
                f"the ssh-agent cannot be spoken to: {reason}",
                hint=f"see that {_VARIABLE} names the socket of a running agent of this user: ssh-add -l",
            ) from error
        return self._signature(answer)

    def _path(self) -> str:
        path = self._socket_path or os.environ.get(_VARIABLE)
        if not path:
            raise SigningError(
                f"no ssh-agent is named: {_VARIABLE} is not set", hint='start one: eval "$(ssh-agent)"; ssh-add KEY'
            )
        return path

    def _refused(self, answer: bytes) -> SigningError:
        count, holds = 0, False
        try:
            if answer.startswith(_IDENTITIES):
                count = struct.unpack_from(">I", answer, 1)[0]
                holds = self._blob in _strings(answer[5:])
        except (struct.error, ValueError):
            pass  # the refusal itself is certain
        if holds:
            return SigningError(
                "the ssh-agent has the key and did not sign",
                hint="a person may have refused to confirm, or a token may have been pulled out: ssh-add -T PUBLIC_KEY",
            )
        return SigningError(
            f"the ssh-agent does not have the certificate's key, but {count} others",
            hint="add it: ssh-add KEY; a locked agent shows none: ssh-add -X",
        )

    def _signature(self, answer: bytes) -> bytes:
        is_rsa = isinstance(self.public_key, rsa.RSAPublicKey)
        try:
            [blob] = _strings(answer[1:])
            scheme, signature, *_ = _strings(blob)
            if scheme != (_RSA if is_rsa else _P256):
                raise SigningError(
                    f"the ssh-agent signed by {scheme[:40]!r}, which the service does not take",
                    hint=f"it must sign by {(_RSA if is_rsa else _P256).decode()}: use OpenSSH's agent",
                )
            if is_rsa:
                # The format leaves out zeros in front.
                return signature.rjust((self.public_key.key_size + 7) // 8, b"\0")  # type: ignore[union-attr]
            r, s = (int.from_bytes(number, "big", signed=True) for number in _strings(signature))
            return encode_dss_signature(r, s)
        except (struct.error, ValueError) as error:
            raise SigningError("what the ssh-agent answered is no signature") from error


def _restored(public_key: bytes, socket_path: str | None, timeout_seconds: float) -> SshAgentKey:
    return SshAgentKey(public_key, socket_path=socket_path, timeout_seconds=timeout_seconds)


class _Agent:
    """A connection; asks within what is left of the time."""

    def __init__(self, path: str, deadline: float) -> None:
        self._deadline = deadline
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._set_timeout()
            self._connection.connect(path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def ask(self, message: bytes) -> bytes:
        self._set_timeout()
        self._connection.sendall(_string(message))
        length = struct.unpack(">I", self._read(4))[0]
        if not 0 < length <= _MOST_BYTES:
            raise SigningError(f"the ssh-agent announced an answer of {length:,} bytes")
        return self._read(length)

    def _read(self, length: int) -> bytes:
        read = bytearray()
        while len(read) < length:
            self._set_timeout()
            part = self._connection.recv(length - len(read))
            if not part:
                raise SigningError("the ssh-agent ended the connection before its answer was complete")
            read += part
        return bytes(read)

    def _set_timeout(self) -> None:
        remaining = self._deadline - monotonic_seconds()
        if remaining <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining)


def _key_blob(public_key: object) -> bytes:
    """Return how an agent names a key.

    Raises:
        UnsupportedKeyError: It signs over another hash than SHA-256.
    """
    hint = "use an RSA key, or an EC key on P-256"
    if not isinstance(public_key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise UnsupportedKeyError("an ssh-agent has no keys of ML-DSA", hint=hint)
    if isinstance(public_key, ec.EllipticCurvePublicKey) and not isinstance(public_key.curve, ec.SECP256R1):
        raise UnsupportedKeyError(
            f"an ssh-agent signs with a key on {public_key.curve.name} over another hash than SHA-256, which the "
            "service does not take",
            hint=hint,
        )
    line = public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def _string(octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + octets


def _strings(octets: bytes) -> list[bytes]:
    """Return the strings that stand one behind the other (RFC 4251, section 5).

    Raises:
        ValueError, struct.error: Something else stands there.
    """
    return list(_each_string(octets))


def _each_string(octets: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(octets):
        length = struct.unpack_from(">I", octets, at)[0]
        at += 4 + length
        if at > len(octets):
            raise ValueError("a string that is longer than what it stands in")
        yield octets[at - length : at]
