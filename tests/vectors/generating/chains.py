"""A leaf, what is sent with it, and a trust anchor: whether there is a path, and what is wrong with it.

``=>`` stands before the trust anchor's certificate, ``->`` is a signature, ``-x>`` one that does not verify.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate

from . import fixed
from .findings import finding
from .fixed import AT

DESCRIPTION = (
    "An end-entity certificate, the certificates that a request carries in its chain header, and the trust anchor's: "
    "whether the service accepts the chain at a time, and if not, why. README.md describes the members."
)
_SECOND = timedelta(seconds=1)


def vectors() -> list[dict[str, Any]]:
    """Return the vectors."""
    return [
        *_straight(),
        *_missing(),
        *_signatures(),
        *_authorities(),
        *_lengths(),
        *_names(),
        *_issuers(),
        *_crossed(),
    ]


def _straight() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    upper, lower, app = _three(root)
    yield _vector("direct", "=> root -> leaf", fixed.leaf(root), [], [root])
    yield _vector("two-intermediates", "=> root -> upper -> lower -> leaf", app, [lower, upper], [root])
    yield _vector("in-any-order", "the same, root's side first", app, [upper, lower], [root])
    yield _vector(
        "with-copies",
        "the leaf, the anchor and a copy stand among them too",
        app,
        [app, lower, root, upper, lower],
        [root],
    )
    unneeded = fixed.below(fixed.root("CN=Other root", "other-root"), "CN=Unneeded CA", "other-ca", valid_until=AT)
    yield _vector(
        "with-others",
        "an expired CA that nobody needs does no harm",
        app,
        [unneeded, lower, upper],
        [root],
        at=AT + _SECOND,
    )
    yield _vector("anchored-intermediate", "=> lower -> leaf: an anchor need not be a root", app, [], [lower])
    yield _vector("anchored-upper", "=> upper -> lower -> leaf, lower alone is sent", app, [lower], [upper])
    yield _vector(
        "two-anchors",
        "=> other root; => root -> leaf",
        fixed.leaf(root),
        [],
        [fixed.root("CN=Other root", "other-root"), root],
    )
    five = _stack(root, 5)
    yield _vector("five-intermediates", "as many as the chain header holds", fixed.leaf(five[0]), five, [root])
    six = _stack(root, 6)
    found = ("path: too-many-intermediates",)
    yield _vector("six-intermediates", "one more", fixed.leaf(six[0]), six, [root], *found)


def _missing() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    upper, lower, app = _three(root)
    yield _vector(
        "none-sent", "=> root -> upper -> lower -> leaf, none is sent", app, [], [root], "leaf: issuer-not-found"
    )
    yield _vector("upper-missing", "upper is not sent", app, [lower], [root], "intermediate[0]: issuer-not-found")
    yield _vector("lower-missing", "lower is not sent", app, [upper], [root], "leaf: issuer-not-found")
    other = fixed.root("CN=Other root", "other-root")
    yield _vector(
        "other-anchor", "=> other root; root -> leaf", fixed.leaf(root), [], [other], "leaf: issuer-not-found"
    )
    found = "intermediate[1]: issuer-not-found"
    yield _vector(
        "root-is-no-anchor",
        "=> other root; root -> upper -> lower -> leaf, root sent too",
        app,
        [lower, upper, root],
        [other],
        found,
    )
    alone = fixed.root("CN=app", "leaf", ca=False, key_usage=["digitalSignature"])
    yield _vector("self-signed-leaf", "=> root; leaf -> leaf", alone, [], [root], "leaf: issuer-not-found")


def _signatures() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    renewed = fixed.root(key_name="other-root")
    yield _vector(
        "same-name-other-key",
        "=> root with another key -x> leaf",
        fixed.leaf(root),
        [],
        [renewed],
        "leaf: bad-signature",
    )
    yield _vector(
        "one-bit",
        "=> root -x> leaf, one bit of the signature turned over",
        fixed.leaf(root, wrong_signature=True),
        [],
        [root],
        "leaf: bad-signature",
    )
    rsa = fixed.root("CN=Vector root,O=Example", "root-rsa-2048", key_type="RSA-2048")
    yield _vector(
        "other-kind-of-key",
        "=> root of that name with an RSA key -x> leaf",
        fixed.leaf(root),
        [],
        [rsa],
        "leaf: bad-signature",
    )
    altered = fixed.leaf(root, edit_der=lambda encoded: encoded.replace(b"app", b"apt"))
    yield _vector(
        "altered", "=> root -x> leaf, its name changed after it was signed", altered, [], [root], "leaf: bad-signature"
    )
    broken = fixed.below(root, wrong_signature=True)
    yield _vector(
        "intermediate-one-bit",
        "=> root -x> CA -> leaf",
        fixed.leaf(broken),
        [broken],
        [root],
        "intermediate[0]: bad-signature",
    )
    both = fixed.leaf(root)
    yield _vector(
        "two-of-one-name", "=> root; => root with another key; the right one is found", both, [], [renewed, root]
    )
    rsa_root = fixed.root("CN=Vector RSA root", "root-rsa-2048", key_type="RSA-2048")
    weak = fixed.below(rsa_root, signature_hash="SHA-1")
    yield _vector(
        "intermediate-sha1",
        "=> root -SHA-1-> CA -> leaf",
        fixed.leaf(weak),
        [weak],
        [rsa_root],
        "intermediate[0]: weak-signature-hash",
    )


def _authorities() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    for name, options, found in (
        ("intermediate-not-ca", {"ca": False}, ["not-a-ca"]),
        ("intermediate-no-basic-constraints", {"ca": None}, ["not-a-ca"]),
        ("intermediate-cannot-sign", {"key_usage": ["digitalSignature"]}, ["cannot-sign-certificates"]),
        ("intermediate-no-key-usage", {"key_usage": None}, []),
        ("intermediate-version-1", {"version": 1}, ["not-v3", "not-a-ca"]),
    ):
        ca = fixed.below(root, f"CN={name}", **options)  # type: ignore[arg-type]
        told = [f"intermediate[0]: {code}" for code in found]
        yield _vector(
            name, f"=> root -> CA ({', '.join(found) or 'which may be'}) -> leaf", fixed.leaf(ca), [ca], [root], *told
        )
    over = fixed.below(root, "CN=Expired CA", valid_until=AT - _SECOND)
    yield _vector(
        "intermediate-expired",
        "=> root -> CA (expired) -> leaf",
        fixed.leaf(over),
        [over],
        [root],
        "intermediate[0]: expired",
    )
    early = fixed.below(root, "CN=Early CA", valid_from=AT + _SECOND)
    yield _vector(
        "intermediate-not-yet-valid",
        "=> root -> CA (not yet valid) -> leaf",
        fixed.leaf(early),
        [early],
        [root],
        "intermediate[0]: not-yet-valid",
    )
    ended = fixed.root("CN=Expired root", valid_until=AT - _SECOND)
    yield _vector(
        "anchor-expired", "=> root (expired) -> leaf", fixed.leaf(ended), [], [ended], "trust anchor: expired"
    )
    usage = fixed.root("CN=Root without key usage", key_usage=None)
    yield _vector(
        "anchor-no-key-usage",
        "=> root (no key usage) -> leaf",
        fixed.leaf(usage),
        [],
        [usage],
        "trust anchor: cannot-sign-certificates",
    )
    bad = fixed.leaf(root, key_usage=None)
    yield _vector(
        "bad-leaf",
        "=> root -> leaf (no key usage): the path alone is not enough",
        bad,
        [],
        [root],
        "leaf: no-key-usage",
    )


def _lengths() -> Iterator[dict[str, Any]]:
    short = fixed.root("CN=Root of length 0", path_length=0)
    ca = fixed.below(short)
    yield _vector("path-length-0", "=> root (pathlen:0) -> leaf", fixed.leaf(short), [], [short])
    yield _vector(
        "path-length-exceeded",
        "=> root (pathlen:0) -> CA -> leaf",
        fixed.leaf(ca),
        [ca],
        [short],
        "trust anchor: path-too-long",
    )
    upper = fixed.below(fixed.root(), "CN=Upper of length 0", "upper-ca", path_length=0)
    lower = fixed.below(upper)
    found = "intermediate[1]: path-too-long"
    yield _vector(
        "path-length-of-an-intermediate",
        "=> root -> upper (pathlen:0) -> lower -> leaf",
        fixed.leaf(lower),
        [lower, upper],
        [fixed.root()],
        found,
    )
    renewed = fixed.below(short, "CN=Root of length 0", "ca", path_length=0)
    yield _vector(
        "self-issued-does-not-count",
        "=> root (pathlen:0) -> the same name, a new key -> leaf",
        fixed.leaf(renewed),
        [renewed],
        [short],
    )


def _names() -> Iterator[dict[str, Any]]:
    root = fixed.root()
    permitted = ["DNS:example.com", "dirName:O=Example", "email:example.com", "URI:.example.com"]
    narrow = fixed.below(
        root, "CN=Narrow CA,O=Example", permitted_names=permitted, excluded_names=["DNS:secret.example.com"]
    )

    def one(
        name: str, description: str, found: list[str], subject: str = "CN=app,O=Example", *names: str
    ) -> dict[str, Any]:
        leaf = fixed.leaf(narrow, subject, subject_alternative_names=names)
        return _vector(name, f"=> root -> CA (constrained) -> leaf: {description}", leaf, [narrow], [root], *found)

    refused = ["leaf: name-not-permitted"]
    app = "CN=app,O=Example"
    yield one(
        "names-permitted",
        "names of every kind within",
        [],
        app,
        "DNS:app.example.com",
        "email:a@example.com",
        "URI:https://a.example.com/b",
    )
    yield one("names-dns-itself", "the domain itself", [], app, "DNS:EXAMPLE.com")
    yield one("names-dns-outside", "another domain", refused, app, "DNS:example.org")
    yield one("names-dns-suffix", "a domain that ends alike is another one", refused, app, "DNS:badexample.com")
    yield one(
        "names-dns-excluded", "what is excluded within what is permitted", refused, app, "DNS:a.secret.example.com"
    )
    yield one("names-directory-outside", "another organization", refused, "CN=app,O=Other")
    yield one("names-email-outside", "another mail domain", refused, app, "email:a@sub.example.com")
    yield one(
        "names-uri-outside", "the host itself, where a dot asks for more", refused, app, "URI:https://example.com/"
    )
    numbers = fixed.below(root, "CN=CA of addresses", permitted_names=["IP:192.0.2.0/24"])
    told = "intermediate[0]: name-constraints-not-checked"
    yield _vector(
        "names-of-addresses",
        "=> root -> CA (constrains IP addresses) -> leaf",
        fixed.leaf(numbers),
        [numbers],
        [root],
        told,
    )


def _issuers() -> Iterator[dict[str, Any]]:
    for kind in ("Ed25519", "Ed448", "RSA-2048", "RSA-1024", "P-521", "secp256k1"):
        root = fixed.root(f"CN=Vector {kind} root", f"root-{kind.lower()}", key_type=kind)
        yield _vector(f"issuer-{kind.lower()}", f"=> root ({kind}) -> leaf (P-256)", fixed.leaf(root), [], [root])
    pss = {"key_type": "RSA-2048", "rsa_padding": "PSS"}
    root = fixed.root("CN=Vector RSA root", "root-rsa-2048", key_type="RSA-2048")
    ca = fixed.below(root, "CN=Vector PSS CA", "ca-rsa-2048", **pss)
    vector = _vector("issuer-rsa-pss", "=> root -PSS-> CA -PSS-> leaf", fixed.leaf(ca, rsa_padding="PSS"), [ca], [root])
    yield _kept(vector, {"certificate_pem": ca, "intermediates_pem": root})
    quantum = fixed.root("CN=Vector ML-DSA-44 root", "root-ml-dsa-44", key_type="ML-DSA-44")
    vector = _vector("issuer-ml-dsa-44", "=> root (ML-DSA-44) -> leaf (P-256)", fixed.leaf(quantum), [], [quantum])
    yield _kept(vector, {"certificate_pem": quantum, "trust_anchor_pem": quantum})


def _crossed() -> Iterator[dict[str, Any]]:
    old, new = fixed.root("CN=Old root", "other-root"), fixed.root()
    bridge = old.cross_sign(
        new, serial_number=77, valid_from=fixed.CA_START, valid_until=fixed.CA_END, deterministic=True
    )
    app = fixed.leaf(new)
    yield _vector("cross-signed", "=> old root -> new root (cross-signed) -> leaf", app, [bridge], [old])
    yield _vector(
        "cross-signed-unneeded", "=> new root -> leaf, the cross-signed certificate is sent too", app, [bridge], [new]
    )
    over = old.cross_sign(
        new, serial_number=78, valid_from=fixed.CA_START, valid_until=AT - _SECOND, deterministic=True
    )
    yield _vector("cross-signed-twice", "an expired one stands first, the other is good", app, [over, bridge], [old])
    yield _vector("cross-signed-expired", "the expired one alone", app, [over], [old], "intermediate[0]: expired")


def _three(root: CertificateAuthority) -> tuple[CertificateAuthority, CertificateAuthority, IssuedCertificate]:
    upper = fixed.below(root, "CN=Vector upper CA,O=Example", "upper-ca")
    lower = fixed.below(upper, "CN=Vector lower CA,O=Example", "ca")
    return upper, lower, fixed.leaf(lower)


def _stack(root: CertificateAuthority, height: int) -> list[CertificateAuthority]:
    """Return CAs one below the other, the lowest first."""
    stack: list[CertificateAuthority] = []
    for level in range(height):
        stack.insert(0, fixed.below(stack[0] if stack else root, f"CN=Level {level}", "ca"))
    return stack


def _vector(
    name: str,
    description: str,
    leaf: IssuedCertificate,
    intermediates: list[Any],
    anchors: list[Any],
    *found: str,
    at: datetime = AT,
) -> dict[str, Any]:
    findings = [finding(each) for each in found]
    return {
        "name": name,
        "description": description,
        "certificate_pem": leaf.certificate_pem.decode(),
        "intermediates_pem": "".join(each.certificate_pem.decode() for each in intermediates) or None,
        "trust_anchor_pem": "".join(each.certificate_pem.decode() for each in anchors),
        "at": fixed.time_text(at),
        "valid": all(each["severity"] != "error" for each in findings),
        "findings": findings,
    }


def _before(name: str) -> dict[str, Any] | None:
    """Return a vector as it is in the tree."""
    path = fixed.HERE / "chains.json"
    present = json.loads(path.read_text("utf-8"))["vectors"] if path.exists() else []
    return next((vector for vector in present if vector["name"] == name), None)


def _kept(vector: dict[str, Any], issuers: dict[str, IssuedCertificate]) -> dict[str, Any]:
    """Return a vector of certificates that are signed differently each time, with those from before while they hold.

    Args:
        vector: Whose members with one certificate each are looked at.
        issuers: Of each such member's certificate.
    """
    before = _before(vector["name"])
    for member, issuer in issuers.items():
        new = x509.load_pem_x509_certificate(vector[member].encode())
        vector[member] = fixed.kept(new, before and before[member], issuer.certificate)
    return vector
