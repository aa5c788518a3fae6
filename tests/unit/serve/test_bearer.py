"""The bearer token and its file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.serve.bearer import bearer_in, private_directory
from tests.support.serving import TOKEN


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_token_is_this_users_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with bearer_in(path) as bearer:
        assert path.read_text() == bearer.token
        assert len(bearer.token) >= 40
        assert bearer.token.isprintable()
        assert (mode_of(path), bearer.others_can_read) == (0o600, False)
        assert bearer.token not in repr(bearer)
    assert list(tmp_path.iterdir()) == []


def test_no_two_are_alike(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(10):
        with bearer_in(tmp_path / "token") as bearer:
            tokens.add(bearer.token)
    assert len(tokens) == 10


def test_it_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), bearer_in(tmp_path / "token"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_given_token_is_taken_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    with bearer_in(path) as bearer:
        assert (bearer.token, bearer.others_can_read) == (TOKEN, False)
    assert path.read_text() == TOKEN


def test_a_given_token_may_lie_behind_a_link_as_in_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text(TOKEN)
    (tmp_path / "token").symlink_to("..data/token")
    with bearer_in(tmp_path / "token") as bearer:
        assert bearer.token == TOKEN


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_others_who_can_read_it_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o644)
    with bearer_in(path) as bearer:
        assert bearer.others_can_read


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"too-short",
        f"{TOKEN}\n".encode(),
        f"{TOKEN}\r\nX-Injected: 1".encode(),
        f"{TOKEN} x".encode(),
        f"\0{TOKEN}".encode(),
        f"{TOKEN}é".encode(),
        b"x" * 4097,
    ],
)
def test_what_the_sdks_cannot_send_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="16 to 4096 visible ASCII") as caught, bearer_in(path):
        pass
    assert TOKEN not in str(caught.value)
    assert path.read_bytes() == content


def test_a_token_that_somebody_has_put_there_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with bearer_in(path):
        path.write_text("another-token-of-another-process")
    assert path.exists()


@pytest.mark.parametrize("name", ["missing/token", "file/token"])
def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot write the endpoint's token"), bearer_in(tmp_path / name):
        pass


def test_a_directory_is_no_token(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"token .*file|regular file"), bearer_in(tmp_path):
        pass


def test_the_private_directory_is_private_and_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_directory({}) as directory:
        assert Path(directory).parent == tmp_path
        assert mode_of(directory) == 0o700
        Path(directory, "token").touch()
    assert list(tmp_path.iterdir()) == []


def test_it_lies_in_memory_where_the_system_has_a_place_for_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with private_directory({"XDG_RUNTIME_DIR": str(tmp_path)}) as directory:
        assert Path(directory).parent == tmp_path


@pytest.mark.parametrize("fault", ["open to others", "missing", "relative", "a file"])
def test_a_runtime_directory_that_is_not_what_it_should_be_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    runtime, temporary = tmp_path / "runtime", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(tmp_path)
    if fault == "a file":
        runtime.touch(mode=0o600)
    elif fault != "missing":
        runtime.mkdir(mode=0o700)
        runtime.chmod(0o755 if fault == "open to others" else 0o700)
    given = "runtime" if fault == "relative" else str(runtime)
    with private_directory({"XDG_RUNTIME_DIR": given}) as directory:
        assert Path(directory).parent == temporary


def test_no_place_for_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(ConfigurationError, match="cannot make a private directory"), private_directory({}):
        pass


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_token_that_others_could_have_put_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o602)
    with pytest.raises(ConfigurationError, match="others may write to it") as caught, bearer_in(path):
        pass
    assert TOKEN not in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_a_token_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to another user"), bearer_in(path):
        pass
    # Behind a link, too.
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(ConfigurationError, match="belongs to another user"), bearer_in(tmp_path / "link"):
        pass
