"""ML-DSA beside ECDSA: signatures a second through the library and bare, and what reading each form of a key costs."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from rolesanywhere_signer.keys import parse_private_key
from rolesanywhere_signer.keys.openssl import why_not
from rolesanywhere_signer.testing.key_types import generate_key, private_key_pem
from tests.support.ml_dsa import KEYS, pem

from .measure import time_calls

_DATA = b"AWS4-X509-MLDSA\n20270101T120000Z\n20270101/eu-central-1/rolesanywhere/aws4_request\n" + b"0" * 64
_CLASSES = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}


def main() -> None:
    """Print the figures."""
    print("Signatures a second: bare, and through the library")
    # Apart, since what takes milliseconds leaves no cache to what takes microseconds.
    for figures in (time_calls(_of_a_curve()), time_calls(_of_ml_dsa(), rounds=10, repeat=50)):
        for name in dict.fromkeys(each.rpartition(",")[0] for each in figures):
            pair = (figures.get(f"{name},{which}") for which in ("bare", "ours"))
            print(f"  {name:<26}" + "".join("       -" if each is None else f"{1e6 / each:>8.0f}" for each in pair))
    print("Reading a key file (median, microseconds)")
    for name, microseconds in time_calls(_readings(), rounds=10, repeat=20).items():
        print(f"  {name:<26}{microseconds:>8.0f}")


def _of_a_curve() -> dict[str, Callable[[], object]]:
    private_key = generate_key("P-256")
    assert isinstance(private_key, ec.EllipticCurvePrivateKey)
    ecdsa, ours = ec.ECDSA(hashes.SHA256()), parse_private_key(private_key_pem(private_key))
    return {"EC P-256,bare": lambda: private_key.sign(_DATA, ecdsa), "EC P-256,ours": lambda: ours.sign(_DATA)}


def _of_ml_dsa() -> dict[str, Callable[[], object]]:
    calls: dict[str, Callable[[], object]] = {}
    for name, parts in KEYS.items():
        bare, key = _CLASSES[name].from_seed_bytes(parts.seed), parse_private_key(parts.as_both)
        calls[f"{name},bare"] = lambda bare=bare: bare.sign(_DATA)  # type: ignore[misc]
        calls[f"{name},ours"] = lambda key=key: key.sign(_DATA)  # type: ignore[misc]
        if why_not() is None:
            expanded = parse_private_key(parts.as_expanded)
            calls[f"{name} (expanded),ours"] = lambda expanded=expanded: expanded.sign(_DATA)  # type: ignore[misc]
    return calls


def _readings() -> dict[str, Callable[[], object]]:
    files = {"EC P-256": private_key_pem(generate_key("P-256"))}
    for name, parts in KEYS.items():
        files |= {f"{name}, seed": pem(parts.as_seed), f"{name}, both": pem(parts.as_both)}
    return {name: lambda content=content: parse_private_key(content) for name, content in files.items()}  # type: ignore[misc]


if __name__ == "__main__":
    main()
