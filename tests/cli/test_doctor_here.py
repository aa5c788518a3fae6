"""``doctor`` on files, keys and certificates that are broken: nothing is sent."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from rolesanywhere_signer.testing import CertificateAuthority
from tests.support.broken import Broken, Site, Table, check, first_lines, name_of, run_as_nobody, warnings_of
from tests.support.command_line import run_here, run_process
from tests.support.secrets import PASSPHRASE

broken = Table()


# --- Files ---------------------------------------------------------------------------------------------------------


@broken(
    "there is no certificate file 'DIR/certifcate.pem' (--certificate)",
    "give the path of the file that is there: DIR has 'certificate.pem'",
)
def mistyped_certificate(site: Site) -> list[str]:
    return site.flags(certificate=site.directory / "certifcate.pem")


@broken(
    "there is no private key file 'DIR/pki/new/client.key' (rolesanywhere_private_key): the directory"
    " 'DIR/pki' is not there",
    "give the path of the file that is there",
)
def missing_directory(site: Site) -> list[str]:
    return site.write_keys(private_key=site.directory / "pki" / "new" / "client.key")


@broken(
    "there is no certificate file 'DIR/current.pem' (--certificate): it is a link that leads nowhere",
    "see where it leads: ls -l 'DIR/current.pem'",
)
def link_to_nowhere(site: Site) -> list[str]:
    (site.directory / "current.pem").symlink_to(site.directory / "gone.pem")
    return site.flags(certificate=site.directory / "current.pem")


@broken(
    "'DIR' (--certificate) is a directory, where the certificate file belongs",
    "give the path of a file in it: 'certificate.pem', 'private-key.pem'",
)
def directory_for_a_file(site: Site) -> list[str]:
    return site.flags(certificate=site.directory)


@broken(
    "the certificate file 'DIR/certificate.pem' (--certificate) is empty",
    "write it anew: whatever made it was interrupted, or the disk was full",
)
def empty_certificate(site: Site) -> list[str]:
    site.world.certificate.write_bytes(b"")
    return site.flags()


@broken(
    "there is no CA bundle file 'DIR/corporate.pem' (AWS_CA_BUNDLE)",
    "give the path of the file that is there",
)
def missing_ca_bundle(site: Site) -> list[str]:
    site.monkeypatch.setenv("AWS_CA_BUNDLE", str(site.directory / "corporate.pem"))
    return site.flags()


@broken(
    "there is no passphrase file 'DIR/passphrase' (--passphrase-file)",
    "give the path of the file that is there",
)
def missing_passphrase_file(site: Site) -> list[str]:
    return site.flags(passphrase_file=site.directory / "passphrase")


@pytest.mark.parametrize("closed", ["file", "directory"])
def test_what_this_user_may_not_read(capsys: pytest.CaptureFixture[str], site: Site, closed: str) -> None:
    # Imports what it takes, which the other user may not be able to read.
    assert run_here(capsys, *site.flags()).code == 0
    directory = site.directory / "private"
    directory.mkdir()
    key = directory / "client.key"
    key.write_bytes(site.world.leaf.private_key_pem)
    site.world.certificate.chmod(0o644)
    (key if closed == "file" else directory).chmod(0)
    owner = "root" if os.geteuid() == 0 else ""

    cause, hint = first_lines(run_as_nobody(site.flags(private_key=key), site.directory))
    if closed == "file":
        directory.chmod(0o755)
        cause, hint = first_lines(run_as_nobody(site.flags(private_key=key), directory))
        assert (
            f"may not read the private key file {str(key)!r} (--private-key): Permission denied; it belongs to "
            in cause
        )
        assert cause.endswith(f"{owner}, mode 0000" if owner else "mode 0000")
        assert hint.startswith("run this as ")
        assert "chown" in hint
    else:
        assert f"may not enter the directory {str(directory)!r}, where the private key file" in cause
        assert cause.endswith("mode 0000")
        assert "setfacl" in hint
    directory.chmod(0o755)


def test_a_key_that_others_can_read_is_said_first_although_all_else_is_well(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    site.world.private_key.chmod(0o644)
    outcome = run_here(capsys, *site.flags())
    assert (outcome.code, outcome.stderr) == (0, "")
    assert site.shown(outcome.stdout).splitlines()[:4] == [
        "warning: the private key file 'DIR/private-key.pem' can be read by other users (mode 0644)",
        "hint: chmod 600 'DIR/private-key.pem'",
        "Nothing else stands in the way.",
        "",
    ]


def test_a_cache_that_others_can_use_is_refused_and_none_is_made(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    cache = site.directory / "cache"
    assert run_here(capsys, *site.flags(cache=cache)).code == 0
    assert not cache.exists()
    cache.mkdir(mode=0o755)
    cause, hint = first_lines(run_here(capsys, *site.flags(cache=cache)))
    assert (
        site.shown(cause) == "the directory of the credentials cache 'DIR/cache' can be used by other users (mode 0755)"
    )
    assert "mode 700" in hint


# --- Key and certificate -------------------------------------------------------------------------------------------


@broken(
    "the private key is not the one of the certificate file 'DIR/certificate.pem' (subject CN=app, serial …)",
    "the key is that of 'DIR/other/certificate.pem': give that certificate, or the key that this one was issued for",
)
def key_of_another_certificate(site: Site) -> list[str]:
    site.world.ca.issue("CN=other").write(site.directory / "other")
    return site.flags(private_key=site.directory / "other" / "private-key.pem")


@broken(
    "the private key is not the one of the certificate file 'DIR/certificate.pem' (subject CN=app, serial …)",
    "the certificate must be issued for this key; compare: openssl x509 -in CERTIFICATE -noout "
    "-pubkey and openssl pkey -in KEY -pubout",
)
def key_that_was_replaced(site: Site) -> list[str]:
    site.world.private_key.write_bytes(CertificateAuthority("CN=elsewhere").issue("CN=x").private_key_pem)
    return site.flags()


@broken(
    "the certificate file 'DIR/private-key.pem' holds no certificate; it holds: PRIVATE KEY",
    "give the file that has a line -----BEGIN CERTIFICATE-----",
)
def swapped(site: Site) -> list[str]:
    return site.flags(certificate=site.world.private_key, private_key=site.world.certificate)


def encrypt(site: Site, passphrase: str = PASSPHRASE) -> None:
    command = ["openssl", "pkcs8", "-topk8", "-in", site.world.private_key, "-passout", f"pass:{passphrase}"]
    site.world.private_key.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)


@broken(
    "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged (file 'DIR/private-key.pem')",
    "openssl pkey -in FILE -check tells more of a key",
)
def wrong_passphrase(site: Site) -> list[str]:
    encrypt(site)
    path = site.directory / "passphrase"
    path.write_text("planted-wrong-one")
    path.chmod(0o600)
    return site.flags(passphrase_file=path)


@broken(
    "the private key cannot be understood; it is damaged or of another format (file 'DIR/private-key.pem')",
    "PKCS#8, PKCS#1 and SEC1 keys are read, in PEM or DER; openssl pkey -in FILE -check tells more",
)
def damaged_key(site: Site) -> list[str]:
    site.world.private_key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n")
    return site.flags()


@broken(
    "private keys of type Ed25519 are not supported (file 'DIR/private-key.pem')",
    "use an RSA or an EC key, such as P-256 or P-384, or an ML-DSA key",
)
def unsupported_key(site: Site) -> list[str]:
    site.world.ca.issue("CN=app", key_type="Ed25519").write(site.directory)
    return site.flags()


def test_an_encrypted_key_where_nobody_can_be_asked(site: Site) -> None:
    encrypt(site)
    cause, hint = first_lines(run_process(*site.flags()))
    assert "needs a passphrase or a PIN, none was given, and there is no terminal to ask on (file " in cause
    assert hint == "give --passphrase-file FILE (or --pkcs8-password, which other users can see)"


# --- Chain, rules, expiry ------------------------------------------------------------------------------------------


def issued(site: Site, **options: object) -> list[str]:
    site.world.ca.issue("CN=app", **options).write(site.directory)  # type: ignore[arg-type]
    anchor = site.directory / "root.pem"
    anchor.write_bytes(site.world.ca.certificate_pem)
    return site.flags(trust_anchor=anchor)


@broken(
    "leaf: CN=app was issued by CN=Issuing CA, and neither the trust anchor nor an intermediate below"
    " it bears that name",
    "add the CA certificate CN=Issuing CA to the intermediates, or check that the trust anchor is the"
    " right one; it is CN=Test CA",
)
def missing_intermediate(site: Site) -> list[str]:
    words = issued(site)
    site.world.ca.issue_ca("CN=Issuing CA").issue("CN=app").write(site.directory)
    return words


@broken(
    "leaf: CN=app was issued by CN=Another CA, and neither the trust anchor nor an intermediate …",
    "add the CA certificate CN=Another CA to the intermediates, or check that the trust anchor is "
    "the right one; it is CN=Test CA",
)
def another_ca(site: Site) -> list[str]:
    words = issued(site)
    CertificateAuthority("CN=Another CA").issue("CN=app").write(site.directory)
    return words


@broken(
    "leaf: CN=app expired on 2020-01-02 00:00:00 UTC, and it is …",
    "have a new certificate issued and put it in this one's place",
)
def expired(site: Site) -> list[str]:
    start = datetime(2020, 1, 1, tzinfo=timezone.utc)
    return issued(site, valid_from=start, valid_for=timedelta(days=1))


@broken(
    "leaf: CN=app is valid from 2100-01-01 00:00:00 UTC, and it is …",
    "check this machine's clock; if it is right, wait, or have it issued with an earlier start",
)
def not_yet_valid(site: Site) -> list[str]:
    return issued(site, valid_from=datetime(2100, 1, 1, tzinfo=timezone.utc))


@broken(
    "leaf: its key usage does not include digitalSignature",
    "have it issued with: keyUsage = critical, digitalSignature",
)
def no_digital_signature(site: Site) -> list[str]:
    return issued(site, key_usage=["keyEncipherment"])


@broken(
    "leaf: it is a CA certificate (basic constraints say CA:TRUE)",
    "give the end-entity certificate, or have one issued with: basicConstraints = critical, CA:FALSE",
)
def ca_for_a_leaf(site: Site) -> list[str]:
    return issued(site, ca=True)


@broken(
    "leaf: its subject is empty",
    "have it issued with a subject, such as CN=my-application",
)
def empty_subject(site: Site) -> list[str]:
    words = issued(site)
    site.world.ca.issue("").write(site.directory)
    return words


def test_a_directory_of_certificates(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    words = [*site.flags(certificate=None, private_key=None), "--cert-directory", str(site.directory)]
    assert warnings_of(run_here(capsys, *words), site) == []
    site.world.private_key.chmod(0o644)
    ((message, hint),) = warnings_of(run_here(capsys, *words), site)
    assert message == "the private key file DIR/private-key.pem can be read by other users"
    assert hint == "chmod 600 it"

    site.world.ca.issue("CN=second").write(site.directory / "second")
    (site.directory / "second" / "certificate.pem").rename(site.directory / "second.pem")
    (site.directory / "second" / "private-key.pem").rename(site.directory / "second.key.pem")
    cause, hint = first_lines(run_here(capsys, *words))
    assert site.shown(cause).startswith("2 certificates in 'DIR' fit, and one must be chosen: ")
    assert "--use-latest-expiring-certificate" in hint


def test_an_issuer_that_is_not_among_the_intermediates(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    issuing = site.world.ca.issue_ca("CN=Upper CA").issue_ca("CN=Issuing CA")
    files = issuing.issue("CN=app").write(site.directory)
    assert run_here(capsys, *site.flags(intermediates=files.chain)).code == 0
    files.chain.write_bytes(issuing.intermediates[0].public_bytes(Encoding.PEM))
    outcome = run_here(capsys, *site.flags(intermediates=files.chain))
    message = "the certificate was issued by CN=Issuing CA, whose certificate is not among the intermediates"
    assert f"warning  chain: {message}\n" in outcome.stdout
    assert "an intermediate is missing" in first_lines(outcome)[0]


def test_a_trust_anchor_that_is_no_certificate(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    outcome = run_here(capsys, *site.flags(trust_anchor=site.world.private_key))
    assert "holds no certificate; it holds: PRIVATE KEY" in first_lines(outcome)[0]


@pytest.mark.parametrize("entry", broken, ids=name_of)
def test_the_first_line_says_the_cause_and_the_second_what_to_do(
    capsys: pytest.CaptureFixture[str], site: Site, entry: Broken
) -> None:
    check(capsys, site, entry)
    assert site.world.service.calls == []
