"""What options are put together to, and what the key of shared credentials depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError, Identity, RolesAnywhereClient
from rolesanywhere_signer.assembly import Assembly, SessionOptions
from rolesanywhere_signer.cache import CredentialsCache
from rolesanywhere_signer.roles import AssumeRole
from rolesanywhere_signer.sharing import make_fetch
from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.arns import make_settings

ROLE = "arn:aws:iam::123456789012:role/further"


def test_an_unknown_option_is_named_with_the_nearest_known_one() -> None:
    options: SessionOptions = {"certficate": "x"}  # type: ignore[typeddict-unknown-key]
    with pytest.raises(ConfigurationError, match="certficate") as caught:
        Assembly(None, options, {})
    assert caught.value.hint == "is 'certificate' meant?"


@pytest.mark.parametrize("cache", [1, 0.5, b"/tmp", object()])
def test_what_is_no_cache_is_refused(cache: object, tmp_path: Path) -> None:
    client = RolesAnywhereClient(make_settings("http://127.0.0.1:1"), _identity(tmp_path))
    options = {"identity": client.identity, "cache": cache, **_arns()}
    with pytest.raises(ConfigurationError, match="cache"):
        Assembly(None, options, {})  # type: ignore[arg-type]


def test_an_identity_excludes_its_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="identity excludes private_key"):
        Assembly(None, {"identity": _identity(tmp_path), "private_key": "x", **_arns()}, {})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("roles", ["arn:aws:iam::123456789012:role/x", [ROLE], 7, {"role_arn": ROLE}])
def test_what_is_no_role_to_assume_is_refused(roles: object, tmp_path: Path) -> None:
    options = {"identity": _identity(tmp_path), "assume_role": roles, **_arns()}
    with pytest.raises(ConfigurationError, match="assume_role"):
        Assembly(None, options, {})  # type: ignore[arg-type]


def test_one_role_and_several_are_kept_in_order(tmp_path: Path) -> None:
    first, second = AssumeRole(ROLE), AssumeRole(ROLE + "-2")
    for given, kept in ((first, (first,)), ([first, second], (first, second))):
        options = {"identity": _identity(tmp_path), "assume_role": given, **_arns()}
        assert Assembly(None, options, {}).roles == kept  # type: ignore[arg-type]


def test_two_leaves_of_one_bundle_do_not_share_credentials(tmp_path: Path) -> None:
    """The same certificates, another key: another leaf, and so another session."""
    ca = CertificateAuthority(key_type="P-256")
    leaves = [ca.issue(f"CN={name}", key_type="P-256") for name in ("one", "two")]
    bundle = b"".join(leaf.certificate_pem for leaf in leaves)
    cache = CredentialsCache(tmp_path / "cache")
    keys: list[str] = []
    cache.fetch = lambda key, *_: keys.append(key)  # type: ignore[method-assign, assignment, return-value, func-returns-value]
    for leaf in leaves:
        identity = Identity.from_bytes(bundle, leaf.private_key_pem)
        make_fetch(RolesAnywhereClient(make_settings("http://127.0.0.1:1"), identity), cache)()
    assert keys[0] != keys[1]


def _identity(directory: Path) -> Identity:
    leaf = CertificateAuthority(key_type="P-256").issue("CN=app", key_type="P-256")
    written = leaf.write(directory)
    return Identity.from_files(written[0], written[1])


def _arns() -> dict[str, str]:
    head = "arn:aws:rolesanywhere:us-east-1:123456789012"
    return {"trust_anchor_arn": f"{head}:trust-anchor/a", "profile_arn": f"{head}:profile/p", "role_arn": ROLE}
