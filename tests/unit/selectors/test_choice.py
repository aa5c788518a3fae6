"""Which certificate is the one to use, and what is said where that is not clear."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import CertificateLoadError, PassphraseError, PrivateKeyLoadError
from rolesanywhere_signer.selectors import Candidate, KeySearch, Selector, choose, matching, read_directory
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate

from ..pki import issue

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
CA = CertificateAuthority("CN=CA", valid_from=NOW - 100 * DAY)


def leaf(starts: int, ends: int, subject: str = "CN=app", serial: int | None = None) -> IssuedCertificate:
    """Issue a certificate by the days between now and its start and its end."""
    return CA.issue(subject, valid_from=NOW + starts * DAY, valid_for=(ends - starts) * DAY, serial_number=serial)


OLD, CURRENT, NEXT, COMING = leaf(-90, -1), leaf(-80, 10), leaf(-5, 85), leaf(5, 95)


def put(directory: Path, **issued: IssuedCertificate) -> None:
    for name, each in issued.items():
        (directory / f"{name}.pem").write_bytes(each.certificate_pem)
        (directory / f"{name}.key").write_bytes(each.private_key_pem)


def chosen(
    directory: Path,
    selector: Selector = Selector(),
    *,
    take_latest: bool = False,
    passphrase: str | None = None,
    now: datetime = NOW,
) -> Candidate:
    found = read_directory(directory)
    return choose(found, selector, KeySearch(found.files, passphrase), now, take_latest=take_latest)


def name_of(candidate: Candidate) -> str:
    return Path(candidate.file.path).stem


def test_the_only_one_needs_no_selector(tmp_path: Path) -> None:
    put(tmp_path, app=CURRENT)
    (tmp_path / "ca.pem").write_bytes(CA.certificate_pem)
    candidate = chosen(tmp_path)
    assert name_of(candidate) == "app"
    assert candidate.key
    assert candidate.key.path == str(tmp_path / "app.key")


def test_a_selector_names_one_of_several(tmp_path: Path) -> None:
    put(tmp_path, a=leaf(-1, 9, "CN=a"), b=leaf(-1, 9, "CN=b"))
    assert name_of(chosen(tmp_path, Selector(subject="CN=b"))) == "b"


@pytest.mark.parametrize(
    ("others", "latest"),
    [
        ({"old": OLD}, False),
        ({"coming": COMING}, False),
        ({"old": OLD, "coming": COMING}, True),
    ],
)
def test_one_within_its_dates_goes_before_others(
    tmp_path: Path, others: dict[str, IssuedCertificate], latest: bool
) -> None:
    put(tmp_path, current=CURRENT, **others)
    assert name_of(chosen(tmp_path, take_latest=latest)) == "current"


def test_of_several_the_one_that_ends_last(tmp_path: Path) -> None:
    put(tmp_path, old=OLD, current=CURRENT, next=NEXT, coming=COMING)
    assert name_of(chosen(tmp_path, take_latest=True)) == "next"


def test_when_none_is_within_its_dates_the_service_decides(tmp_path: Path) -> None:
    put(tmp_path, old=OLD)
    assert name_of(chosen(tmp_path)) == "old"
    put(tmp_path, older=leaf(-90, -20))
    assert name_of(chosen(tmp_path, take_latest=True)) == "old"


def test_one_that_lacks_its_key_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, current=CURRENT, next=NEXT)
    (tmp_path / "next.key").unlink()
    assert name_of(chosen(tmp_path)) == "current"


def test_an_end_entity_goes_before_a_ca(tmp_path: Path) -> None:
    put(tmp_path, ca=CA, app=CURRENT)
    assert name_of(chosen(tmp_path)) == "app"
    assert name_of(chosen(tmp_path, Selector(subject="CN=CA"))) == "ca"


def test_one_certificate_in_several_files_is_one_and_the_full_chain_is_taken(tmp_path: Path) -> None:
    issuing = CA.issue_ca("CN=Issuing")
    app = issuing.issue("CN=app")
    assert app.chain_pem
    (tmp_path / "cert.pem").write_bytes(app.certificate_pem)
    (tmp_path / "fullchain.pem").write_bytes(app.certificate_pem + app.chain_pem)
    (tmp_path / "privkey.pem").write_bytes(app.private_key_pem)
    (tmp_path / "xcert.pem").write_bytes(app.certificate_pem)
    assert name_of(chosen(tmp_path, now=datetime.now(timezone.utc))) == "fullchain"


def test_two_ends_at_one_time_are_told_apart_always_alike(tmp_path: Path) -> None:
    put(tmp_path, a=CURRENT, b=leaf(-80, 10))
    assert {name_of(chosen(tmp_path, take_latest=True)) for _ in range(3)} == {"b"}
    put(tmp_path, a=leaf(-70, 10))
    assert name_of(chosen(tmp_path, take_latest=True)) == "a"


def test_several_that_fit_are_listed(tmp_path: Path) -> None:
    put(tmp_path, current=CURRENT, next=leaf(-5, 85, serial=0xABCDEF), old=OLD)
    with pytest.raises(CertificateLoadError) as caught:
        chosen(tmp_path, Selector(subject="CN=app"))
    message = caught.value.message
    assert message.startswith(f"2 certificates in {str(tmp_path)!r} fit, and one must be chosen:\n")
    assert f"\n  {tmp_path}/current.pem: subject CN=app, issuer CN=CA, serial " in message
    assert ", serial ABCDEF, SHA-1 " in message
    assert message.endswith("valid until 2026-08-25")
    assert "old.pem" not in message
    assert "--use-latest-expiring-certificate" in str(caught.value.hint)


def test_where_nothing_fits_what_there_is_is_listed(tmp_path: Path) -> None:
    put(tmp_path, old=OLD, coming=COMING, ca=CA)
    (tmp_path / "half.pem").write_bytes(CURRENT.certificate_pem[:-20])
    with pytest.raises(CertificateLoadError) as caught:
        chosen(tmp_path, Selector(subject="CN=other"))
    lines = caught.value.message.splitlines()
    assert lines[0] == f"no certificate in {str(tmp_path)!r} fits the selector; these are there:"
    assert lines[1].startswith(f"  {tmp_path}/coming.pem: ")
    assert lines[1].endswith("valid from 2026-06-06")
    assert lines[2].endswith("expired 2026-05-31")
    assert lines[3] == "passed over:"
    assert "half.pem" in lines[4]
    assert len(lines) == 5


def test_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(CA.certificate_pem)
    with pytest.raises(CertificateLoadError, match="there is no end-entity certificate in"):
        chosen(tmp_path, Selector(subject="CN=app"))


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    for number in range(12):
        put(tmp_path, **{f"{number:02}": leaf(-1, 9)})
    with pytest.raises(CertificateLoadError) as caught:
        chosen(tmp_path)
    assert caught.value.message.splitlines()[-1] == "  and 2 more"
    assert len(caught.value.message.splitlines()) == 12


def test_names_are_listed_without_control_characters(tmp_path: Path) -> None:
    put(tmp_path, a=leaf(-1, 9, "CN=\x1b[31mred\nline"), b=leaf(-1, 9, f"CN={'x' * 64},O={'y' * 64}," * 3 + "CN=z"))
    with pytest.raises(CertificateLoadError) as caught:
        chosen(tmp_path)
    assert "subject CN=\\x1b[31mred\\nline, issuer" in caught.value.message
    assert "\x1b" not in caught.value.message


def encrypt(path: Path, issued: IssuedCertificate, passphrase: str) -> None:
    encryption = BestAvailableEncryption(passphrase.encode())
    path.write_bytes(issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    put(tmp_path, app=CURRENT)
    (tmp_path / "app.key").write_bytes(issue("other").key_pem)
    with pytest.raises(PrivateKeyLoadError) as caught:
        chosen(tmp_path)
    assert caught.value.message.startswith(f"the private key of what fits is not in {str(tmp_path)!r}:\n")
    assert f"{tmp_path}/app.pem: subject CN=app" in caught.value.message


def test_a_key_that_cannot_be_opened(tmp_path: Path) -> None:
    put(tmp_path, app=CURRENT)
    encrypt(tmp_path / "app.key", CURRENT, "planted-passphrase")
    with pytest.raises(PassphraseError) as caught:
        chosen(tmp_path)
    assert f"{tmp_path}/app.key: it is encrypted, and no passphrase was given" in caught.value.message
    assert "--passphrase-file" in str(caught.value.hint)
    assert name_of(chosen(tmp_path, passphrase="planted-passphrase")) == "app"


def test_what_fits_is_sorted_by_the_files(tmp_path: Path) -> None:
    put(tmp_path, b=CURRENT, a=NEXT)
    assert [name_of(each) for each in matching(read_directory(tmp_path), Selector())] == ["a", "b"]
