"""Profiles whose role is assumed with the credentials of another profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.profiles import ChainedProfile, ChainedRole, chained_profile

ROLE_A, ROLE_B = "arn:aws:iam::210987654321:role/a", "arn:aws:iam::210987654321:role/path/b"
OURS = "[profile iam]\nrolesanywhere_certificate = client.pem\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config"


def chained(path: Path, text: str, name: str = "a") -> ChainedProfile | None:
    path.write_text(text, encoding="utf-8")
    return chained_profile(name, {"AWS_CONFIG_FILE": str(path)})


def refused(path: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        chained(path, text)
    return str(caught.value)


def test_one_role(path: Path) -> None:
    text = (
        f"[profile a]\nrole_arn = {ROLE_A}\nsource_profile = iam\nexternal_id = 1234\nrole_session_name = app\n"
        f"duration_seconds = 900\nregion = us-east-1\n{OURS}"
    )
    role = ChainedRole("a", "iam", ROLE_A, "1234", "app", 900, "us-east-1")
    assert chained(path, text) == ChainedProfile("iam", (role,))


def test_several_come_in_the_order_in_which_they_are_assumed(path: Path) -> None:
    text = (
        f"{OURS}[profile a]\nrole_arn={ROLE_A}\nsource_profile=b\n[profile b]\nrole_arn={ROLE_B}\nsource_profile=iam\n"
    )
    first, last = ChainedRole("b", "iam", ROLE_B), ChainedRole("a", "b", ROLE_A)
    assert chained(path, text) == ChainedProfile("iam", (first, last))
    assert chained(path, text, "b") == ChainedProfile("iam", (first,))
    assert chained(path, text, "iam") is None


def test_a_profile_may_name_itself(path: Path) -> None:
    text = f"[profile a]\nrole_arn = {ROLE_A}\nsource_profile = a\n"
    assert chained(path, text) == ChainedProfile("a", (ChainedRole("a", "a", ROLE_A),))


@pytest.mark.parametrize(
    "keys",
    [
        "region = us-east-1",
        "source_profile = iam",
        f"role_arn = {ROLE_A}\nweb_identity_token_file = token",
        f"role_arn = {ROLE_A}\ncredential_source = Environment",
        "rolesanywhere_role_arn = x",
    ],
)
def test_others_assume_nothing(path: Path, keys: str) -> None:
    assert chained(path, f"[profile a]\n{keys}\n{OURS}") is None
    assert chained(path, OURS) is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (f"role_arn = {ROLE_A}", "has role_arn without source_profile"),
        (f"role_arn = {ROLE_A}\nsource_profile = iam\ncredential_source = Environment", "both source_profile and"),
        (f"role_arn = {ROLE_A}\nsource_profile = iam\nmfa_serial = x", "an MFA code cannot be asked for"),
        (f"role_arn = {ROLE_A}\nsource_profile = iam\nduration_seconds = 1h", "duration_seconds (profile 'a' in"),
        (f"role_arn = {ROLE_A}\nsource_profile = iam\nexternal_id =", "external_id (profile 'a' in"),
        ("role_arn = a\nsource_profile = iam", "role_arn 'a': it does not have the six parts"),
        (f"role_arn = {ROLE_A}\nsource_profile = b", "source_profile of profile 'a'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_profile(path: Path, keys: str, said: str) -> None:
    message = refused(path, f"[profile a]\n{keys}\n{OURS}")
    assert "profile 'a'" in message
    assert said in message


def test_a_circle_is_shown(path: Path) -> None:
    text = "".join(
        f"[profile {name}]\nrole_arn = {ROLE_A}\nsource_profile = {source}\n" for name, source in ("ab", "bc", "cb")
    )
    assert "'a' -> 'b' -> 'c' -> 'b'" in refused(path, text)
    assert "'a' -> 'b' -> 'a'" in refused(path, text.replace("source_profile = c", "source_profile = a"))
