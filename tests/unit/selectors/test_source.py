"""An identity out of a directory: chosen anew at each look, whatever becomes of the files meanwhile."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from rolesanywhere_signer import CertificateLoadError, ConfigurationError, Identity, PassphraseError
from rolesanywhere_signer.identity_sources import PassphraseFile
from rolesanywhere_signer.selectors import CertificateDirectory, DirectorySource, Selector
from rolesanywhere_signer.testing import CertificateAuthority, IssuedCertificate
from tests.support.secrets import PASSPHRASE, Exposure

CA = CertificateAuthority("CN=CA")
ISSUING = CA.issue_ca("CN=Issuing")
DAY = timedelta(days=1)
WRONG = "planted-wrong-passphrase"


def app(days: int = 30, ca: CertificateAuthority = CA) -> IssuedCertificate:
    return ca.issue("CN=app", valid_for=days * DAY)


def put(directory: Path, name: str, issued: IssuedCertificate) -> IssuedCertificate:
    (directory / f"{name}.key").write_bytes(issued.private_key_pem)
    (directory / f"{name}.key").chmod(0o600)
    (directory / f"{name}.pem").write_bytes(issued.certificate_pem)
    return issued


def identity(directory: Path, *, latest: bool = False, passphrase: object = None) -> Identity:
    place = CertificateDirectory(directory, "Key=x509Subject,Value=CN=app", latest)
    return Identity.from_source(DirectorySource(place, passphrase), passphrase)  # type: ignore[arg-type]


def test_it_is_an_identity_like_others(tmp_path: Path) -> None:
    issued = put(tmp_path, "app", app())
    found = identity(tmp_path)
    assert found.current.certificate == issued.certificate
    assert found.current.key.public_key == issued.private_key.public_key()
    assert found.current.chain == ()
    assert found.paths == ()
    assert repr(found) == f"<Identity of the certificate file '{tmp_path}/app.pem'>"


def test_a_renewed_certificate_is_found_under_a_new_name(tmp_path: Path) -> None:
    put(tmp_path, "app-2026", app(10))
    found = identity(tmp_path, latest=True)
    later = put(tmp_path, "app-2027", app(20))
    assert found.load().certificate == later.certificate
    (tmp_path / "app-2026.pem").rename(tmp_path / "kept.pem")
    (tmp_path / "app-2027.pem").rename(tmp_path / "renamed.pem")
    (tmp_path / "app-2027.key").rename(tmp_path / "elsewhere.key")
    assert found.load().certificate == later.certificate


def test_a_choice_that_is_no_longer_clear_leaves_the_last_good_pair(
    tmp_path: Path, warnings_logged: Callable[[], list[str]]
) -> None:
    first = put(tmp_path, "one", app())
    found = identity(tmp_path)
    put(tmp_path, "two", app())
    assert found.load().certificate == first.certificate
    assert found.load().certificate == first.certificate
    (warning,) = [each for each in warnings_logged() if "last good pair goes on" in each]
    assert "2 certificates in" in warning
    for name in ("one.pem", "two.pem"):
        (tmp_path / name).unlink()
    assert found.load().certificate == first.certificate


def test_what_is_passed_over_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "rolesanywhere_signer")
    put(tmp_path, "app", app())
    (tmp_path / "half.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    found = identity(tmp_path)
    found.load()
    messages = [record.getMessage() for record in caplog.records]
    assert len([each for each in messages if "half.pem" in each]) == 1
    assert len([each for each in messages if each.startswith(f"using {tmp_path}/app.pem: subject CN=app")]) == 1
    later = put(tmp_path, "app", app(20))
    assert found.load().certificate == later.certificate
    assert len([record for record in caplog.records if record.getMessage().startswith("using ")]) == 2


def test_the_chain_beside_the_certificate_is_sent(tmp_path: Path) -> None:
    issued = put(tmp_path, "app", app(ca=ISSUING))
    assert issued.chain_pem
    (tmp_path / "app.pem").write_bytes(issued.certificate_pem + issued.chain_pem)
    (tmp_path / "root.pem").write_bytes(CA.certificate_pem)
    assert identity(tmp_path).current.chain == (ISSUING.certificate,)


def test_else_the_chain_that_lies_in_the_directory(tmp_path: Path) -> None:
    put(tmp_path, "app", app(ca=ISSUING))
    (tmp_path / "cas.pem").write_bytes(CA.certificate_pem + ISSUING.certificate_pem)
    assert identity(tmp_path).current.chain == (ISSUING.certificate,)


def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path, warnings_logged: Callable[[], list[str]]) -> None:
    put(tmp_path, "app", app())
    (tmp_path / "app.key").chmod(0o644)
    identity(tmp_path)
    assert [each for each in warnings_logged() if f"{tmp_path}/app.key can be read by other users" in each]


def test_the_clock_that_is_given_decides(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    soon, late = put(tmp_path, "soon", app(10)), put(tmp_path, "late", app(30))
    (tmp_path / "late.pem").unlink()
    times = [now]
    source = DirectorySource(CertificateDirectory(tmp_path), clock=lambda: times[0])
    found = Identity.from_source(source)
    assert found.current.certificate == soon.certificate
    put(tmp_path, "late", late)
    times[0] = now + 20 * DAY
    assert found.load(times[0]).certificate == late.certificate


def encrypted(issued: IssuedCertificate) -> bytes:
    encryption = BestAvailableEncryption(PASSPHRASE.encode())
    return issued.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_an_encrypted_key(tmp_path: Path) -> None:
    issued = put(tmp_path, "app", app())
    (tmp_path / "app.key").write_bytes(encrypted(issued))
    assert identity(tmp_path, passphrase=PASSPHRASE).current.certificate == issued.certificate
    with pytest.raises(PassphraseError, match="no passphrase was given"):
        identity(tmp_path)


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    issued = put(tmp_path, "app", app())
    (tmp_path / "app.key").write_bytes(encrypted(issued))
    exposure = Exposure()
    logger = logging.getLogger("rolesanywhere_signer")
    logger.addHandler(exposure)
    logger.setLevel(logging.DEBUG)
    try:
        source = DirectorySource(CertificateDirectory(tmp_path), PASSPHRASE)
        exposure.show(source, source.read(), Identity.from_source(source, PASSPHRASE))
        exposure.show(pickle.dumps(source))
        with pytest.raises(PassphraseError) as caught:
            Identity.from_source(DirectorySource(CertificateDirectory(tmp_path), "wrong-passphrase"))
        exposure.show_error(caught.value)
    finally:
        logger.removeHandler(exposure)
    shown = "".join(exposure.shown)
    assert "app.pem" in shown
    assert PASSPHRASE not in shown
    assert WRONG not in shown
    assert "PRIVATE KEY" not in shown


def test_a_pickle_carries_the_place_alone(tmp_path: Path) -> None:
    issued = put(tmp_path, "app", app())
    (tmp_path / "app.key").write_bytes(encrypted(issued))
    (tmp_path.parent / "passphrase").write_text(PASSPHRASE)
    passphrase = PassphraseFile(str(tmp_path.parent / "passphrase"))
    data = pickle.dumps(identity(tmp_path, passphrase=passphrase))
    assert b"PRIVATE" not in data
    assert PASSPHRASE.encode() not in data
    assert pickle.loads(data).load().certificate == issued.certificate
    # Text that is a passphrase does not travel.
    lost = pickle.loads(pickle.dumps(identity(tmp_path, passphrase=PASSPHRASE)))
    with pytest.raises(PassphraseError):
        lost.load()


def test_a_clock_of_its_own_does_not_travel(tmp_path: Path) -> None:
    put(tmp_path, "app", app())
    source = DirectorySource(CertificateDirectory(tmp_path), clock=lambda: datetime.now(timezone.utc))
    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(Identity.from_source(source))


def test_a_selector_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unable to parse cert selector string"):
        DirectorySource(CertificateDirectory(tmp_path, "nonsense"))


def test_the_first_look_must_succeed(tmp_path: Path) -> None:
    with pytest.raises(CertificateLoadError, match="there is no end-entity certificate"):
        Identity.from_source(DirectorySource(CertificateDirectory(tmp_path, Selector(san="x"))))
    assert DirectorySource(CertificateDirectory(tmp_path)).describe("certificate") == (
        f"the certificate in the directory {str(tmp_path)!r}"
    )
