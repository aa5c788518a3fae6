"""The parts of the doctor that no set-up on loopback reaches."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.assembly import make_plan
from rolesanywhere_signer.doctor import Question, examine
from rolesanywhere_signer.doctor.files import look_at_files
from rolesanywhere_signer.doctor.findings import BrokenStepError
from rolesanywhere_signer.doctor.patient import Patient
from rolesanywhere_signer.doctor.proxies import find_proxy
from rolesanywhere_signer.doctor.service import _sts_url
from rolesanywhere_signer.errors import ConfigurationError
from rolesanywhere_signer.settings import Settings
from tests.support.aws_profiles import ANCHOR, ARNS, PROFILE, ROLE

CERTIFICATE = "/pki/client.pem"


def patient(environment: dict[str, str] | None = None, sts_endpoint_url: str | None = None, **options: Any) -> Patient:
    given: Any = {"certificate": CERTIFICATE, **ARNS, **options}
    found = Patient(Question(given, None, environment or {}, sts_endpoint_url=sts_endpoint_url))
    found.plan = make_plan(None, given, environment or {})
    return found


class TestStsUrl:
    def test_the_region_s_own(self) -> None:
        assert _sts_url(patient()) == "https://sts.eu-west-1.amazonaws.com"
        assert _sts_url(patient(use_fips_endpoint=True)) == "https://sts-fips.eu-west-1.amazonaws.com"
        assert _sts_url(patient(endpoint_url="https://vpce-1.example")) == "https://sts.eu-west-1.amazonaws.com"

    def test_a_local_service_answers_both(self) -> None:
        assert _sts_url(patient(endpoint_url="http://127.0.0.1:4566")) == "http://127.0.0.1:4566"

    def test_what_is_given_wins(self) -> None:
        environment = {"AWS_ENDPOINT_URL_STS": "https://sts.example"}
        assert _sts_url(patient(environment)) == "https://sts.example"
        assert _sts_url(patient(environment, "https://other.example/")) == "https://other.example"
        with pytest.raises(ConfigurationError, match="plain HTTP"):
            _sts_url(patient({"AWS_ENDPOINT_URL_STS": "http://sts.example"}))


class TestProxies:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://proxy.example:3128", "the proxy http://proxy.example:3128"),
            ("proxy.example:3128", "the proxy http://proxy.example:3128"),
            ("http://user:pl%40nted@proxy.example", "the proxy http://proxy.example:80"),
            ("https://proxy.example", "the proxy https://proxy.example:443"),
            ("http://planted:a/b@c", "None"),
            ("http://[::1", "None"),
            ("", "None"),
        ],
    )
    def test_its_url_is_shown_without_a_password(self, url: str, shown: str) -> None:
        proxy = find_proxy(Settings(ANCHOR, PROFILE, ROLE, proxies={"https": url}))
        assert str(proxy) == shown
        assert "planted" not in repr(proxy)
        assert "nted" not in repr(proxy)

    def test_plain_http_and_no_proxies_at_all_have_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        assert find_proxy(Settings(ANCHOR, PROFILE, ROLE, proxies={})) is None
        assert find_proxy(Settings(ANCHOR, PROFILE, ROLE, endpoint_url="http://127.0.0.1:1")) is None
        assert find_proxy(Settings(ANCHOR, PROFILE, ROLE)) is not None
        monkeypatch.setenv("NO_PROXY", "amazonaws.com")
        assert find_proxy(Settings(ANCHOR, PROFILE, ROLE)) is None


class TestFiles:
    def test_bytes_are_no_files(self) -> None:
        assert look_at_files(patient(certificate=b"certificate", private_key=b"key")) == "none is named"

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        import os

        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(BrokenStepError) as caught:
            look_at_files(patient(certificate=str(tmp_path / "fifo")))
        assert caught.value.fault.code == "no-regular-file"

    @pytest.mark.parametrize("path", ["nul\0byte", "x" * 5000, "/etc/passwd/x"])
    def test_paths_that_no_file_can_have(self, path: str) -> None:
        with pytest.raises(BrokenStepError, match="there is no certificate file"):
            look_at_files(patient(certificate=path))


def test_what_cannot_be_connected_to_is_not_waited_for_long(tmp_path: Path) -> None:
    from rolesanywhere_signer.testing import CertificateAuthority

    files = CertificateAuthority().issue("CN=app").write(tmp_path)
    # Nobody takes from this queue of one, so that the next connection waits.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as waiting:
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            options: Any = {"certificate": files.certificate, "private_key": files.private_key, **ARNS}
            options |= {"endpoint_url": f"https://127.0.0.1:{port}", "connect_timeout_seconds": 0.3}
            found = examine(Question(options, None, {}))
    assert found.fault is not None
    assert found.fault.code == "not-reachable"
    assert found.fault.message.startswith(f"127.0.0.1:{port} cannot be reached (no answer within 0.3 s): most likely, ")
    assert [cause.reason.split()[0] for cause in found.fault.causes] == ["the", "a", "the"]
    assert found.not_taken[0] == "tls"
