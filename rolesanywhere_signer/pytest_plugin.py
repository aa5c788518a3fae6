"""Fixtures for pytest: a local Roles Anywhere, a CA that it trusts, an identity and a botocore session that use them.

pytest loads this module wherever the library is installed, so nothing of weight is imported before a fixture is used.
The fixtures whose names begin with ``rolesanywhere_shared_`` are the same for the whole test run; the others are new
for each test. A test that uses any of them sees none of the user's AWS settings, proxies and CA bundles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    import botocore.session

    from .testing import CertificateAuthority, LocalRolesAnywhere

_SHARED = "rolesanywhere_shared_"


@dataclass(frozen=True)
class LocalIdentity:
    """What an application needs to get credentials from a local service.

    Attributes:
        certificate: The file of the certificate.
        private_key: The file of its key.
        trust_anchor_arn: Of the CA that issued it.
        profile_arn: Of the profile that has the role.
        role_arn: Of the role.
        endpoint_url: Of the local service.
    """

    certificate: Path
    private_key: Path
    trust_anchor_arn: str
    profile_arn: str
    role_arn: str
    endpoint_url: str

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of ``create_botocore_session``, such as ``create_botocore_session(**identity.options)``."""
        return asdict(self)


@pytest.fixture(scope="session")
def rolesanywhere_region() -> str:
    """The region of the local services. Define a fixture of this name and scope to choose another than us-east-1."""
    return "us-east-1"


@pytest.fixture
def rolesanywhere_service(monkeypatch: pytest.MonkeyPatch, rolesanywhere_region: str) -> Iterator[LocalRolesAnywhere]:
    """A local Roles Anywhere that listens on 127.0.0.1, new for each test.

    The user's AWS settings are hidden, and clients for STS and Roles Anywhere that name no endpoint go to it.
    """
    _hide_settings(monkeypatch)
    with _service(rolesanywhere_region) as service:
        _lead_to(service, monkeypatch)
        yield service


@pytest.fixture
def rolesanywhere_ca() -> CertificateAuthority:
    """A CA for tests, new for each test: ``rolesanywhere_ca.issue("CN=my-application")``."""
    return _ca()


@pytest.fixture
def rolesanywhere_identity(
    rolesanywhere_service: LocalRolesAnywhere, rolesanywhere_ca: CertificateAuthority, tmp_path: Path
) -> LocalIdentity:
    """A certificate of ``rolesanywhere_ca`` as files, and the ARNs that ``rolesanywhere_service`` knows it by."""
    return _identity(rolesanywhere_service, rolesanywhere_ca, tmp_path / "rolesanywhere")


@pytest.fixture
def rolesanywhere_session(rolesanywhere_identity: LocalIdentity) -> botocore.session.Session:
    """A botocore session with credentials of ``rolesanywhere_service``, new for each test.

    For boto3: ``boto3.Session(botocore_session=rolesanywhere_session)``.
    """
    return _session(rolesanywhere_identity)


@pytest.fixture(scope="session")
def rolesanywhere_shared_service(
    request: pytest.FixtureRequest, rolesanywhere_region: str
) -> Iterator[LocalRolesAnywhere]:
    """A local Roles Anywhere that listens on 127.0.0.1, one for the whole test run.

    Its calls and resources stay from one test to the next. Tests that name it see none of the user's AWS settings.
    """
    settings = _settings_of(request.config)
    with _service(rolesanywhere_region) as service:
        settings.share(service)
        yield service
        settings.share(None)


@pytest.fixture(scope="session")
def rolesanywhere_shared_ca() -> CertificateAuthority:
    """A CA for tests, one for the whole test run."""
    return _ca()


@pytest.fixture(scope="session")
def rolesanywhere_shared_identity(
    rolesanywhere_shared_service: LocalRolesAnywhere,
    rolesanywhere_shared_ca: CertificateAuthority,
    tmp_path_factory: pytest.TempPathFactory,
) -> LocalIdentity:
    """A certificate of ``rolesanywhere_shared_ca`` as files, and its ARNs; one for the whole test run."""
    return _identity(rolesanywhere_shared_service, rolesanywhere_shared_ca, tmp_path_factory.mktemp("rolesanywhere"))


@pytest.fixture(scope="session")
def rolesanywhere_shared_session(rolesanywhere_shared_identity: LocalIdentity) -> botocore.session.Session:
    """A botocore session with credentials of ``rolesanywhere_shared_service``, one for the whole test run."""
    return _session(rolesanywhere_shared_identity)


def pytest_configure(config: pytest.Config) -> None:
    """Be ready to hide the user's settings from tests that use what is shared."""
    config.pluginmanager.register(_SettingsOfSharing(), _SettingsOfSharing.NAME)


class _SettingsOfSharing:
    """Hides the user's settings for as long as a test lasts that uses the shared service.

    A fixture of the session's scope cannot: what it hides would stay hidden for the tests that do not use it.
    """

    NAME = "rolesanywhere-settings-of-sharing"

    def __init__(self) -> None:
        self._service: LocalRolesAnywhere | None = None
        self._patch: pytest.MonkeyPatch | None = None

    # The older kind of wrapper: the library may be installed beside an older pytest.
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run a test, with the user's settings hidden if it uses what is shared."""
        if not any(name.startswith(_SHARED) for name in getattr(item, "fixturenames", ())):
            yield
            return
        with pytest.MonkeyPatch.context() as self._patch:
            _hide_settings(self._patch)
            self._lead()
            yield
        self._patch = None

    def share(self, service: LocalRolesAnywhere | None) -> None:
        """Remember the service that runs, for this test and for those to come."""
        self._service = service
        self._lead()

    def _lead(self) -> None:
        if self._service is not None and self._patch is not None:
            _lead_to(self._service, self._patch)


def _settings_of(config: pytest.Config) -> _SettingsOfSharing:
    return cast(_SettingsOfSharing, config.pluginmanager.get_plugin(_SettingsOfSharing.NAME))


def _hide_settings(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if _is_setting(name.upper()):
            patch.delenv(name)
    # No file there, and no metadata service asked.
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _is_setting(name: str) -> bool:
    return name.startswith(("AWS_", "ROLESANYWHERE_")) or name.endswith(("_PROXY", "_CA_BUNDLE"))


def _lead_to(service: LocalRolesAnywhere, patch: pytest.MonkeyPatch) -> None:
    for client in ("STS", "ROLESANYWHERE"):
        patch.setenv(f"AWS_ENDPOINT_URL_{client}", service.url)


@contextmanager
def _service(region: str) -> Iterator[LocalRolesAnywhere]:
    from .testing import LocalRolesAnywhere

    with LocalRolesAnywhere(region) as service:
        yield service


def _ca() -> CertificateAuthority:
    from .testing import CertificateAuthority

    return CertificateAuthority("CN=Root CA for tests")


def _identity(service: LocalRolesAnywhere, ca: CertificateAuthority, directory: Path) -> LocalIdentity:
    files = ca.issue("CN=application").write(directory)
    role = service.create_role("application")
    return LocalIdentity(
        certificate=files.certificate,
        private_key=cast(Path, files.private_key),  # there is one: the CA has made it
        trust_anchor_arn=service.create_trust_anchor(ca.certificate_pem).arn,
        profile_arn=service.create_profile([role]).arn,
        role_arn=role.arn,
        endpoint_url=service.url,
    )


def _session(identity: LocalIdentity) -> botocore.session.Session:
    from .provider import create_botocore_session

    return create_botocore_session(**identity.options)
