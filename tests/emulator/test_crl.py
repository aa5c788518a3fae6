"""CRLs of CertificateAuthority: what they list, every knob, and what OpenSSL does with them."""

from __future__ import annotations

import itertools
import os
import stat
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import CertificateAuthority, CrlOptions, RevocationList

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture
def ca() -> CertificateAuthority:
    return CertificateAuthority("CN=Root,O=Example")


def serials(listed: RevocationList) -> list[int]:
    return [entry.serial_number for entry in listed.crl]


def entry(listed: RevocationList, serial: int) -> x509.RevokedCertificate:
    found = listed.crl.get_revoked_certificate_by_serial_number(serial)
    assert found is not None
    return found


class TestWhatIsListed:
    def test_nothing_at_first(self, ca: CertificateAuthority) -> None:
        listed = ca.crl()
        assert serials(listed) == []
        assert listed.crl.issuer == ca.certificate.subject
        assert listed.crl.is_signature_valid(ca.certificate.public_key())
        assert x509.load_pem_x509_crl(listed.pem) == listed.crl
        assert repr(listed) == f"<RevocationList number 1, {len(listed.der)} bytes>"

    def test_by_certificate_and_by_number(self, ca: CertificateAuthority) -> None:
        one, other = ca.issue(), ca.issue()
        ca.revoke(one)
        ca.revoke(other.certificate)
        ca.revoke(77)
        listed = ca.crl()
        assert serials(listed) == [one.certificate.serial_number, other.certificate.serial_number, 77]
        assert listed.crl.is_signature_valid(ca.certificate.public_key())
        assert serials(ca.crl()) == serials(listed)

    def test_reason_and_times(self, ca: CertificateAuthority) -> None:
        seoul = timezone(timedelta(hours=9))
        at, since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=seoul), datetime(2025, 6, 1, tzinfo=seoul)
        ca.revoke(5, "keyCompromise", at, invalid_since=since)
        found = entry(ca.crl(), 5)
        assert found.revocation_date_utc == at
        assert found.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
        assert found.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc == since
        ca.revoke(5, "superseded")
        reason = entry(ca.crl(), 5).extensions.get_extension_for_class(x509.CRLReason).value.reason
        assert reason is x509.ReasonFlags.superseded

    @pytest.mark.parametrize(
        "flag", [flag for flag in x509.ReasonFlags if flag is not x509.ReasonFlags.remove_from_crl]
    )
    def test_every_reason(self, ca: CertificateAuthority, flag: x509.ReasonFlags) -> None:
        ca.revoke(5, flag.value)
        assert entry(ca.crl(), 5).extensions.get_extension_for_class(x509.CRLReason).value.reason is flag

    @pytest.mark.parametrize("serial", [0, -5, 1 << 200])
    def test_odd_numbers(self, ca: CertificateAuthority, serial: int) -> None:
        ca.revoke(serial)
        assert serials(ca.crl()) == [serial]

    def test_a_hold_can_be_taken_back(self, ca: CertificateAuthority) -> None:
        ca.revoke(5, "certificateHold")
        held = ca.crl()
        ca.revoke(5, "removeFromCRL")
        assert serials(held) == [5]
        assert serials(ca.crl()) == []
        delta = ca.crl(delta_base=held.number)
        reason = entry(delta, 5).extensions.get_extension_for_class(x509.CRLReason).value.reason
        assert reason is x509.ReasonFlags.remove_from_crl
        with pytest.raises(ConfigurationError, match="taken back"):
            ca.revoke(6, "removeFromCRL")

    def test_a_delta_has_what_came_since(self, ca: CertificateAuthority) -> None:
        ca.revoke(1)
        base = ca.crl()
        ca.revoke(2)
        delta = ca.crl(delta_base=base.number)
        indicator = delta.crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
        assert (serials(delta), indicator.critical, indicator.value.crl_number) == ([2], True, base.number)
        assert serials(ca.crl()) == [1, 2]

    def test_each_ca_has_its_own(self, ca: CertificateAuthority) -> None:
        below = ca.issue_ca("CN=Below")
        leaf = below.issue()
        below.revoke(leaf)
        ca.revoke(below)
        assert serials(below.crl()) == [leaf.certificate.serial_number]
        assert serials(ca.crl()) == [below.certificate.serial_number]
        with pytest.raises(ConfigurationError, match="another CA"):
            ca.revoke(leaf)

    @pytest.mark.parametrize("what", [None, "5", True, b"5"])
    def test_only_certificates_and_numbers(self, ca: CertificateAuthority, what: int) -> None:
        with pytest.raises(ConfigurationError):
            ca.revoke(what)

    def test_arguments_that_cannot_be(self, ca: CertificateAuthority) -> None:
        with pytest.raises(ConfigurationError, match="no reason 'lost'"):
            ca.revoke(5, "lost")
        with pytest.raises(ConfigurationError, match="without a time zone"):
            ca.revoke(5, at=datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose
        assert serials(ca.crl()) == []


class TestKnobs:
    def test_numbers_go_up(self, ca: CertificateAuthority) -> None:
        assert [ca.crl().number, ca.crl().number, ca.crl(number=9).number, ca.crl(number=4).number] == [1, 2, 9, 4]
        listed = ca.crl()
        assert listed.crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == listed.number == 10

    def test_times(self, ca: CertificateAuthority) -> None:
        listed = ca.crl(this_update=NOW, next_update=NOW + timedelta(hours=1)).crl
        assert (listed.last_update_utc, listed.next_update_utc) == (NOW, NOW + timedelta(hours=1))
        week = ca.crl(this_update=NOW).crl
        assert week.next_update_utc == NOW + timedelta(days=7)
        over = ca.crl(expired=True).crl.next_update_utc
        assert over is not None
        assert over < datetime.now(timezone.utc)

    def test_more_extensions(self, ca: CertificateAuthority) -> None:
        point = x509.IssuingDistributionPoint(
            [x509.UniformResourceIdentifier("http://ca.example/ca.crl")],
            None,
            only_contains_user_certs=True,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        mine = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
        extensions = ca.crl(issuing_distribution_point=point, extra_extensions=[(mine, True)]).crl.extensions
        assert extensions.get_extension_for_class(x509.IssuingDistributionPoint).value == point
        assert extensions.get_extension_for_oid(mine.oid).critical

    @pytest.mark.parametrize("key_type", ["RSA-2048", "P-521", "Ed25519"])
    def test_of_any_key(self, key_type: str) -> None:
        root = CertificateAuthority(key_type=key_type)
        root.revoke(5)
        assert root.crl().crl.is_signature_valid(root.certificate.public_key())

    def test_hashes(self, ca: CertificateAuthority) -> None:
        used = ca.crl(signature_hash="SHA-512").crl.signature_hash_algorithm
        assert used is not None
        assert used.name == "sha512"
        weak = CertificateAuthority(key_type="RSA-2048")
        listed = weak.crl(signature_hash="SHA-1").crl
        key, name = weak.certificate.public_key(), listed.signature_hash_algorithm
        assert isinstance(key, rsa.RSAPublicKey)
        assert name is not None
        assert name.name == "sha1"
        key.verify(listed.signature, listed.tbs_certlist_bytes, padding.PKCS1v15(), name)

    def test_the_same_makes_the_same(self, ca: CertificateAuthority) -> None:
        fixed: CrlOptions = {"this_update": NOW, "number": 3, "more_serial_numbers": [1], "deterministic": True}
        assert ca.crl(**fixed).der == ca.crl(**fixed).der

    @pytest.mark.parametrize(
        "options",
        [
            {"colour": "blue"},
            {"this_update": datetime(2026, 1, 1)},  # noqa: DTZ001 - naive on purpose
            {"this_update": NOW, "next_update": NOW - timedelta(days=1)},
            {"expired": True, "next_update": NOW},
            {"number": "x"},
            {"number": -1},
            {"leave_out": ["issuer"]},
            {"signature_hash": "CRC"},
            {"more_serial_numbers": ["x"]},
            {"more_serial_numbers": itertools.count(1)},
        ],
        ids=range(10),
    )
    def test_what_there_is_not(self, ca: CertificateAuthority, options: CrlOptions) -> None:
        with pytest.raises(ConfigurationError):
            ca.crl(**options)

    def test_a_long_one(self, ca: CertificateAuthority) -> None:
        # As many as the service's 300,000 bytes of a CRL hold, and more.
        ca.revoke(1)
        listed = ca.crl(more_serial_numbers=range(2, 20_002))
        assert len(list(listed.crl)) == 20_001
        assert listed.crl.is_signature_valid(ca.certificate.public_key())
        assert len(listed.pem) > 300_000


class TestWrongOnPurpose:
    def test_signed_with_another_key(self, ca: CertificateAuthority) -> None:
        other = CertificateAuthority("CN=Other")
        listed = ca.crl(signed_by=other).crl
        assert listed.issuer == ca.certificate.subject
        assert not listed.is_signature_valid(ca.certificate.public_key())
        assert listed.is_signature_valid(other.certificate.public_key())

    def test_under_another_name(self, ca: CertificateAuthority) -> None:
        listed = ca.crl(issuer="CN=Other").crl
        assert listed.issuer.rfc4514_string() == "CN=Other"
        assert listed.is_signature_valid(ca.certificate.public_key())

    def test_a_bit_of_the_signature(self, ca: CertificateAuthority) -> None:
        assert not ca.crl(wrong_signature=True).crl.is_signature_valid(ca.certificate.public_key())

    def test_version_1(self, ca: CertificateAuthority) -> None:
        ca.revoke(5, "keyCompromise")
        listed = ca.crl(version=1)
        assert serials(listed) == [5]
        assert len(listed.crl.extensions) == len(entry(listed, 5).extensions) == 0
        assert listed.crl.is_signature_valid(ca.certificate.public_key())

    def test_without_what_belongs_there(self, ca: CertificateAuthority) -> None:
        listed = ca.crl(leave_out=["next_update", "number", "authority_key_identifier"]).crl
        assert listed.next_update_utc is None
        assert len(listed.extensions) == 0
        assert listed.is_signature_valid(ca.certificate.public_key())

    def test_edited(self, ca: CertificateAuthority) -> None:
        edited = ca.crl(edit_tbs=lambda body: body.replace(b"Example", b"Exanple"))
        assert edited.crl.issuer.rfc4514_string() == "CN=Root,O=Exanple"
        assert edited.crl.is_signature_valid(ca.certificate.public_key())

    def test_malformed(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        listed = ca.crl(edit_der=lambda encoded: encoded[:-1])
        with pytest.raises(ConfigurationError, match="cannot be read"):
            _ = listed.crl
        with pytest.raises(ConfigurationError, match="cannot be read"):
            listed.write(tmp_path / "crl.pem")
        assert list(tmp_path.iterdir()) == []


class TestFiles:
    def test_it_is_written(self, ca: CertificateAuthority, tmp_path: Path) -> None:
        listed = ca.crl()
        path = listed.write(tmp_path / "crl.pem")
        assert path.read_bytes() == listed.pem
        if os.name == "posix":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(ConfigurationError, match="cannot write"):
            listed.write(tmp_path / "nowhere" / "crl.pem")


class TestWithOpenSSL:
    def verify(self, tool: str, *words: str | Path) -> str:
        command = [tool, "verify", "-crl_check", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    def test_it_refuses_what_is_revoked_and_nothing_else(
        self, ca: CertificateAuthority, tmp_path: Path, require_tool: Callable[[str], str]
    ) -> None:
        tool, root = require_tool("openssl"), ca.write(tmp_path / "ca").certificate
        good, bad = ca.issue(), ca.issue()
        ca.revoke(bad, "keyCompromise")
        crl = ca.crl().write(tmp_path / "crl.pem")
        words = ("-CAfile", root, "-CRLfile", crl)
        assert self.verify(tool, *words, good.write(tmp_path / "good").certificate).strip().endswith(": OK")
        assert "certificate revoked" in self.verify(tool, *words, bad.write(tmp_path / "bad").certificate)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"expired": True}, "CRL has expired"),
            ({"this_update": NOW + timedelta(days=1)}, "CRL is not yet valid"),
            ({"wrong_signature": True}, "CRL signature failure"),
            ({"issuer": "CN=Other"}, "unable to get certificate CRL"),
        ],
    )
    def test_it_refuses_what_is_wrong(
        self,
        ca: CertificateAuthority,
        tmp_path: Path,
        require_tool: Callable[[str], str],
        options: CrlOptions,
        said: str,
    ) -> None:
        tool, root = require_tool("openssl"), ca.write(tmp_path / "ca").certificate
        crl = ca.crl(**options).write(tmp_path / "crl.pem")
        leaf = ca.issue().write(tmp_path / "leaf").certificate
        assert said in self.verify(tool, "-CAfile", root, "-CRLfile", crl, leaf)
