"""An identity out of a PKCS#11 token: certificate, chain and key, or those of them that lie there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .certificates import choose_leaf, claims_ca, has_key, parse_certificates, pem_text, subject_text
from .clock import Clock, utc_now
from .errors import CertificateLoadError, ConfigurationError, PrivateKeyLoadError
from .files import Source, StrPath, describe_source, read_source
from .identity_sources import Contents, GivenSource, is_bytes, named_function, picklable_passphrase
from .keys import Passphrase, SigningKey, is_pkcs12
from .keys.pkcs11 import (
    Pin,
    Pkcs11Key,
    Pkcs11Uri,
    StoredCertificate,
    find_certificates,
    is_pkcs11_uri,
    load_module,
    parse_pkcs11_uri,
)
from .keys.pkcs11.module import in_use
from .keys.pkcs11.objects import all_certificates, listed, private_keys
from .selectors import Selector, shown_name
from .validation.signature import SignatureCheck, check_signature

if TYPE_CHECKING:
    from .keys.pkcs11.objects import StoredKey

# What the service takes in the chain header (user guide, Authentication).
_MOST_INTERMEDIATES = 5


class TokenOptions(NamedTuple):
    """How tokens are reached, and which of their certificates is meant.

    Attributes:
        module: The path of the PKCS#11 module, where the URI names none; None: p11-kit's proxy.
        reuse_pin: The PIN that opened the token serves a key that wants one for each signature.
        selector: What the certificate must have.
        take_latest: Of several certificates, take the one that ends last.
        clock: Says which certificates are within their dates; None: this machine's.
    """

    module: str | None = None
    reuse_pin: bool = False
    selector: Selector = Selector()
    take_latest: bool = False
    clock: Clock | None = None


class _Parts(NamedTuple):
    leaf: x509.Certificate
    content: bytes
    intermediates: bytes | None
    is_alone: bool
    key_uri: Pkcs11Uri | None


class TokenSource:
    """Certificate or key by PKCS#11 URIs, as the source of an identity: ``Identity.from_source(TokenSource(…))``.

    The certificate is looked for whenever the identity is read; the key is opened once. The intermediates are those of
    the token that issued the certificate, or an intermediate of it, by signature; no other certificate is sent.

    Args:
        certificate: A URI; or a path or bytes, as of ``Identity``.
        private_key: A URI, or anything that ``Identity`` takes. None: the key of the certificate, in the same token.
        intermediates: A path or bytes; None: those beside the certificate, else those of the token.
        passphrase: The PIN, where the URI has none.
        options: See ``TokenOptions``.

    Raises:
        ConfigurationError: A URI cannot be understood.
    """

    def __init__(
        self,
        certificate: Source,
        private_key: Source | SigningKey | None = None,
        intermediates: Source | None = None,
        passphrase: Passphrase | None = None,
        options: TokenOptions | None = None,
    ) -> None:
        self._certificate = _understood(certificate, "URI of the certificate")
        self._private_key = _understood(private_key, "URI of the private key")
        if isinstance(self._certificate, Pkcs11Uri) and isinstance(self._private_key, Pkcs11Uri):
            self._certificate, self._private_key = (
                _opened_as(self._certificate, self._private_key),
                _opened_as(self._private_key, self._certificate),
            )
        self._intermediates = intermediates
        self._passphrase = passphrase
        self._options = options or TokenOptions()
        self._opened: tuple[str, x509.Certificate, Pkcs11Key] | None = None

    def read(self) -> Contents:
        """Look for the certificate, and open the key if it is not open yet.

        Raises:
            CertificateLoadError: The certificate is not there, or several fit.
            PrivateKeyLoadError, PassphraseError, UnsupportedKeyError: The key is not there, or cannot be opened.
            ConfigurationError: The module cannot be loaded.
        """
        parts = self._from_token() if isinstance(self._certificate, Pkcs11Uri) else self._from_file(self._certificate)
        if parts.key_uri is None:
            given = GivenSource(parts.content, self._private_key, None).read()
            key: bytes | SigningKey = given.private_key
        else:
            key = self._key(parts.key_uri, parts.leaf)
        intermediates = parts.intermediates
        if self._intermediates is not None:
            intermediates = read_source(self._intermediates, what="intermediates", error=CertificateLoadError)
        elif parts.is_alone and isinstance(key, Pkcs11Key):
            intermediates = self._chain_beside(key, parts.leaf)
        return Contents(parts.content, key, intermediates)

    def _from_token(self) -> _Parts:
        """Choose among the certificates of tokens; a key that nobody named is the one with the certificate's id."""
        uri = self._certificate
        assert isinstance(uri, Pkcs11Uri)  # noqa: S101
        pin = Pin(uri, self._passphrase)
        module = load_module(uri.module_path or self._options.module)
        with in_use(module):
            chosen = self._choose(module.once_more(lambda: find_certificates(module, uri, pin)), uri)
            chain = _chain(chosen.certificate, all_certificates(module, chosen.token))
            key_uri = self._private_key or self._uri_beside(chosen, uri, pin)
        content = chosen.certificate.public_bytes(Encoding.PEM)
        return _Parts(
            chosen.certificate,
            content,
            pem_text(chain) or None,
            is_alone=False,
            key_uri=key_uri if isinstance(key_uri, Pkcs11Uri) else None,
        )

    def _uri_beside(self, chosen: StoredCertificate, uri: Pkcs11Uri, pin: Pin) -> Pkcs11Uri:
        """Return the URI of the key that a certificate of a token has there."""
        if self._opened is not None and self._opened[1] == chosen.certificate:
            return self._opened[2].uri
        module = load_module(uri.module_path or self._options.module)
        path = {**uri.token_alone().path, **chosen.token.names}
        keys = private_keys(module.session(chosen.token, pin), chosen.token)
        return _key_uri(Pkcs11Uri(path, uri.pin_value, uri.pin_source, uri.module_path), chosen, list(keys))

    def _choose(self, found: list[StoredCertificate], uri: Pkcs11Uri) -> StoredCertificate:
        """End-entity certificates go before CAs, and those within their dates before others; none counts twice."""
        by_content = {each.certificate.public_bytes(Encoding.DER): each for each in found}
        fitting = [each for each in by_content.values() if self._options.selector.fits(each.certificate)]
        if not fitting:
            raise CertificateLoadError(
                f"no certificate of {uri} fits the selector; there are:{_described(found)}",
                hint="names are compared as a whole, as they are shown here or in RFC 4514 form",
            )
        now = (self._options.clock or utc_now)()
        usable = [each for each in fitting if not claims_ca(each.certificate)] or fitting
        usable = [each for each in usable if _is_valid(each.certificate, now)] or usable
        if len(usable) > 1 and not self._options.take_latest:
            raise CertificateLoadError(
                f"{len(usable)} certificates fit {uri}, and one must be chosen:{_described(usable)}",
                hint="name one with token=, object= or id= in the URI, or with a selector",
            )
        return max(usable, key=lambda each: each.certificate.not_valid_after_utc)

    def _from_file(self, source: Source) -> _Parts:
        content = read_source(source, what="certificate", error=CertificateLoadError)
        if is_pkcs12(content):
            raise ConfigurationError(
                "a PKCS#12 file holds its own key, and one in a token was given", hint="give the certificate as PEM"
            )
        certificates = parse_certificates(content, describe_source(source, "certificate"))
        key_uri = self._private_key
        assert isinstance(key_uri, Pkcs11Uri)  # noqa: S101
        leaf = certificates[choose_leaf(certificates)]
        return _Parts(leaf, content, None, is_alone=len(certificates) == 1, key_uri=key_uri)

    def _key(self, uri: Pkcs11Uri, leaf: x509.Certificate) -> Pkcs11Key:
        """Return the key, the one of before where nothing changed: opening one may ask a person."""
        if self._opened is not None and self._opened[0] == str(uri) and has_key(leaf, self._opened[2].public_key):
            return self._opened[2]
        try:
            expected = leaf.public_key()
        except Exception:  # noqa: BLE001 - a key that is not known here is nobody's
            expected = None
        key = Pkcs11Key(
            uri, self._passphrase, self._options.module, reuse_pin=self._options.reuse_pin, expected=expected
        )
        self._opened = (str(uri), leaf, key)
        return key

    def _chain_beside(self, key: Pkcs11Key, leaf: x509.Certificate) -> bytes | None:
        module = load_module(key.uri.module_path or self._options.module)
        with in_use(module):
            found = [each for token in module.fitting_tokens(key.uri) for each in all_certificates(module, token)]
        return pem_text(_chain(leaf, found)) or None

    def describe(self, what: str) -> str:
        """Name the URI without its PIN, or the file."""
        if what == "intermediates" and self._intermediates is not None:
            return describe_source(self._intermediates, what)
        if isinstance(self._certificate, Pkcs11Uri):
            return f"the {what} {self._certificate}"
        return describe_source(self._certificate, what)

    @property
    def key_path(self) -> StrPath | None:
        """The key's file, where it is none of a token."""
        key = self._private_key
        return None if key is None or isinstance(key, Pkcs11Uri) else GivenSource(b"", key, None).key_path

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """None: what changes in a token changes no file."""
        return ()

    def check_picklable(self) -> None:
        """URIs without a PIN may go into a pickle, and paths."""
        uris = [each for each in (self._certificate, self._private_key) if isinstance(each, Pkcs11Uri)]
        if any(each.pin_value is not None for each in uris):
            raise ConfigurationError(
                "an identity whose URI holds the PIN cannot be pickled: the PIN would go along",
                hint="write pin-source=/path into the URI",
            )
        if any(is_bytes(part) for part in (self._certificate, self._private_key, self._intermediates)):
            raise ConfigurationError(
                "an identity made of bytes cannot be pickled", hint="give paths, or make the identity in each process"
            )
        if self._options.clock is not None and named_function(self._options.clock) is None:
            raise ConfigurationError("an identity with a clock of its own cannot be pickled")

    def __getstate__(self) -> dict[str, Any]:
        self.check_picklable()
        return {**self.__dict__, "_opened": None, "_passphrase": picklable_passphrase(self._passphrase)}

    def __repr__(self) -> str:
        return f"<TokenSource of {self.describe('certificate')}>"


def list_certificates(uri: Pkcs11Uri, options: TokenOptions) -> list[StoredCertificate]:
    """Return the end-entity certificates that a URI and a selector fit; the PIN is not asked for.

    Raises:
        CertificateLoadError: There is none that the URI fits.
        PrivateKeyLoadError: No token fits, or it cannot be opened.
        ConfigurationError: The module cannot be loaded.
    """
    module = load_module(uri.module_path or options.module)
    with in_use(module):
        found = find_certificates(module, uri, Pin(uri, None))
    # A CA that lies there for the chain is nobody's identity, unless it is named.
    chosen = [each for each in found if not claims_ca(each.certificate) or uri.names_object]
    return sorted((each for each in chosen if options.selector.fits(each.certificate)), key=lambda each: each.uri)


def _understood(value: Any, what: str) -> Any:
    return parse_pkcs11_uri(value, what) if is_pkcs11_uri(value) else value


def _opened_as(uri: Pkcs11Uri, other: Pkcs11Uri) -> Pkcs11Uri:
    """Return a URI with the PIN and the module of the other one, where it has none."""
    pin = (uri.pin_value, uri.pin_source)
    if pin == (None, None):
        pin = (other.pin_value, other.pin_source)
    return Pkcs11Uri(uri.path, *pin, uri.module_path or other.module_path)


def _key_uri(token: Pkcs11Uri, certificate: StoredCertificate, keys: list[StoredKey]) -> Pkcs11Uri:
    """Return the URI of a certificate's key: the one with its id, as PKCS#11 ties them together."""
    own = [key for key in keys if key.object_id == certificate.object_id]
    if len(own) != 1:
        which = "has no private key" if not own else f"has {len(own)} private keys"
        raise PrivateKeyLoadError(
            f"the certificate {certificate.uri} {which} of its id in the token; there are:"
            f"{listed([key.uri for key in keys])}",
            hint="name the key by a URI of its own (--private-key)",
        )
    path: dict[str, str | bytes] = {**token.path, "id": own[0].object_id, "type": "private"}
    if not own[0].object_id:
        path["object"] = own[0].label
    return Pkcs11Uri(path, token.pin_value, token.pin_source, token.module_path)


def _is_valid(certificate: x509.Certificate, now: Any) -> bool:
    try:
        return bool(certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc)
    except ValueError:
        return False


def _described(found: Iterable[StoredCertificate]) -> str:
    return listed([f"{each.uri} (subject {shown_name(each.certificate, 'subject')[:300]})" for each in found])


def _chain(leaf: x509.Certificate, found: Iterable[StoredCertificate]) -> list[x509.Certificate]:
    """Return the certificates between a leaf and its root: CAs whose keys signed it, the issuer first; no root."""
    cas = list({each.certificate: None for each in found if claims_ca(each.certificate)})
    chain: list[x509.Certificate] = []
    sought = [leaf]
    while sought:
        below = sought.pop(0)
        for ca in cas:
            if len(chain) < _MOST_INTERMEDIATES and ca not in chain and _is_below_root(ca) and _issued(ca, below):
                chain.append(ca)
                sought.append(ca)
    return chain


def _is_below_root(ca: x509.Certificate) -> bool:
    return subject_text(ca) != "(unreadable)" and ca.subject != ca.issuer


def _issued(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        return ca.subject == certificate.issuer and check_signature(certificate, ca) is SignatureCheck.GOOD
    except Exception:  # noqa: BLE001 - a name that cannot be decoded
        return False
