"""What a directory of PEM files holds, in whatever state it is, and the chain that lies in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rolesanywhere_signer import CertificateLoadError
from rolesanywhere_signer.selectors import PemDirectory, read_directory
from rolesanywhere_signer.selectors.directory import MOST_BYTES, MOST_ENTRIES, intermediates_of
from rolesanywhere_signer.testing import CertificateAuthority

from ..pki import issue

LEAF = issue("leaf")


def names(directory: PemDirectory) -> list[str]:
    return [os.path.basename(file.path) for file in directory.files]


def test_pem_files_are_found_by_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"some words\n" + LEAF.pem + LEAF.key_pem)
    (tmp_path / "a.key").write_bytes(LEAF.key_pem)
    (tmp_path / "README").write_text("no PEM")
    (tmp_path / "empty").touch()
    (tmp_path / "der.crt").write_bytes(LEAF.der)
    (tmp_path / "request.csr").write_text(
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
    )
    found = read_directory(tmp_path)
    assert names(found) == ["a.key", "b.txt", "request.csr"]
    assert [(len(file.certificates), len(file.keys)) for file in found.files] == [(0, 1), (1, 1), (0, 0)]
    assert found.passed_over == ()


def test_folders_and_hidden_files_are_not_entered(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.pem").write_bytes(LEAF.pem)
    (tmp_path / ".a.pem.tmp").write_bytes(LEAF.pem)
    assert read_directory(tmp_path).files == ()


def test_a_volume_of_links_is_read_through_them(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "tls.crt").write_bytes(LEAF.pem)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    (tmp_path / "gone.crt").symlink_to("nowhere")
    (tmp_path / "loop.crt").symlink_to("loop.crt")
    assert names(read_directory(tmp_path)) == ["tls.crt"]


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pem")
    assert read_directory(tmp_path).files == ()


BROKEN = {
    "half.pem": LEAF.pem[:-30],
    "no-base64.pem": b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "no-certificate.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "no-block.pem": b"-----BEGIN \xff-----\n",
    "large.pem": LEAF.pem + b"\n" * (1024 * 1024),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_passed_over_with_a_note(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    (tmp_path / "good.pem").write_bytes(LEAF.pem)
    found = read_directory(tmp_path)
    assert names(found) == ["good.pem"]
    assert len(found.passed_over) == 1
    assert str(tmp_path / name) in found.passed_over[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="this user may read every file, as root may")
def test_what_this_user_may_not_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "root.key").write_bytes(LEAF.key_pem)
    (tmp_path / "root.key").chmod(0)
    (reason,) = read_directory(tmp_path).passed_over
    assert "Permission denied" in reason


def test_a_directory_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, reason in (("none", "No such file"), ("file", "Not a directory"), ("nul\0", "ValueError")):
        with pytest.raises(CertificateLoadError, match=reason) as caught:
            read_directory(tmp_path / path)
        assert caught.value.hint


def test_too_many_entries(tmp_path: Path) -> None:
    for number in range(MOST_ENTRIES):
        (tmp_path / f"{number}").touch()
    assert read_directory(tmp_path).files == ()
    (tmp_path / "one-more").touch()
    with pytest.raises(CertificateLoadError, match="more than 1,000 entries"):
        read_directory(tmp_path)


def test_too_many_bytes(tmp_path: Path) -> None:
    block = b"\0" * (1024 * 1024)
    for number in range(MOST_BYTES // len(block)):
        (tmp_path / f"{number}").write_bytes(block)
    assert read_directory(tmp_path).files == ()
    (tmp_path / "one-more").write_bytes(b"1")
    with pytest.raises(CertificateLoadError, match="more than 32 MiB"):
        read_directory(tmp_path)


# --- The chain -----------------------------------------------------------------------------------------------------

ROOT = CertificateAuthority("CN=Root")
FIRST = ROOT.issue_ca("CN=First")
SECOND = FIRST.issue_ca("CN=Second")
DEEP = SECOND.issue("CN=deep")


def chain(tmp_path: Path, leaf: CertificateAuthority, *cas: bytes) -> list[str]:
    for number, pem in enumerate(cas):
        (tmp_path / f"{number}.pem").write_bytes(pem)
    found = intermediates_of(leaf.certificate, read_directory(tmp_path).files)
    return [each.subject.rfc4514_string() for each in found]


def test_the_chain_is_found_in_whatever_order_it_lies(tmp_path: Path) -> None:
    cas = (ROOT.certificate_pem, FIRST.certificate_pem + SECOND.certificate_pem, DEEP.certificate_pem)
    assert chain(tmp_path, DEEP, *cas) == ["CN=Second", "CN=First"]  # type: ignore[arg-type]


def test_an_issuer_of_the_same_name_with_another_key_is_not_of_the_chain(tmp_path: Path) -> None:
    namesake = ROOT.issue_ca("CN=Second")
    cas = (namesake.certificate_pem, SECOND.certificate_pem)
    assert chain(tmp_path, DEEP, *cas) == ["CN=Second"]  # type: ignore[arg-type]


def test_without_key_identifiers_names_decide(tmp_path: Path) -> None:
    bare = FIRST.issue_ca("CN=Second", subject_key_identifier=False)
    leaf = bare.issue("CN=a", authority_key_identifier=False)
    cas = (bare.certificate_pem, SECOND.certificate_pem, FIRST.certificate_pem)
    assert chain(tmp_path, leaf, *cas) == ["CN=Second", "CN=Second", "CN=First"]  # type: ignore[arg-type]


def test_no_more_than_the_service_takes(tmp_path: Path) -> None:
    cas = [ROOT]
    for number in range(7):
        cas.append(cas[-1].issue_ca(f"CN={number}"))
    found = chain(tmp_path, cas[-1].issue("CN=a"), *(ca.certificate_pem for ca in cas))  # type: ignore[arg-type]
    assert found == ["CN=6", "CN=5", "CN=4", "CN=3", "CN=2"]


def test_two_cas_that_issued_each_other_are_no_endless_chain(tmp_path: Path) -> None:
    bare = {"subject_key_identifier": False, "authority_key_identifier": False}
    one, other = CertificateAuthority("CN=One", **bare), CertificateAuthority("CN=Other", **bare)
    cas = (one.issue_ca("CN=Other", **bare).certificate_pem, other.issue_ca("CN=One", **bare).certificate_pem)
    leaf = one.issue("CN=a", authority_key_identifier=False)
    assert sorted(chain(tmp_path, leaf, *cas)) == ["CN=One", "CN=Other"]  # type: ignore[arg-type]
