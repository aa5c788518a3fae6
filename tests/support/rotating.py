"""Certificates that are renewed on disk in every way, and an application that goes on using S3 meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from rolesanywhere_signer.testing import IssuedCertificate, LocalRolesAnywhere
from tests.support.world import World

PASSWORD = "planted-password"
NOBODY = 65534


class PassingClock:
    """The clock of client and service alike: it goes on by itself, and ahead where a test says so."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead

    def pass_to_the_last_minute(self) -> None:
        """Let an hour's credentials have half a minute left, so that the next use waits for new ones."""
        self.ahead += timedelta(minutes=59, seconds=30)


class Site:
    """The files that an application was told to use, and whoever renews them.

    Attributes:
        certificate, key: What the application was told.
        issued: Each certificate by the name that a test gives it.
    """

    def __init__(self, world: World, directory: Path) -> None:
        self.ca = world.ca
        self.directory = directory
        self.certificate = directory / "tls.crt"
        self.key: Path | None = directory / "tls.key"
        self.passphrase: str | None = None
        self.issued: dict[str, IssuedCertificate] = {}

    def issue(self, name: str, **options: Any) -> IssuedCertificate:
        """Return the certificate of this name; every one has a key of its own."""
        if name not in self.issued:
            self.issued[name] = self.ca.issue(f"CN={name}", key_type="EC-P256", **options)
        return self.issued[name]

    def content(self, path: Path, name: str) -> bytes:
        """Return what a file holds once it is of the generation ``name``."""
        issued = self.issue(name)
        if path.suffix == ".p12":
            return _pkcs12(issued)
        if self.key is None:
            return _of_one_size(issued.certificate_pem + issued.private_key_pem)
        return _of_one_size(issued.private_key_pem if path == self.key else issued.certificate_pem)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.certificate,) if self.key is None else (self.key, self.certificate)

    def write(self, path: Path, name: str, length: int | None = None) -> None:
        """Write one file in place; with ``length`` its beginning alone."""
        path.write_bytes(self.content(path, name)[:length])
        path.chmod(0o600)

    def write_all(self, name: str) -> None:
        for path in self.files:
            self.write(path, name)

    def rename_all(self, name: str) -> None:
        for path in self.files:
            new = path.with_name(f".{path.name}.new")
            new.write_bytes(self.content(path, name))
            new.chmod(0o600)
            new.replace(path)

    def name_of(self, serial_number: int) -> str:
        return next(name for name, issued in self.issued.items() if issued.certificate.serial_number == serial_number)


def _of_one_size(pem: bytes) -> bytes:
    # So that no renewal can be noticed by the size of the file; what stands after a block is passed over.
    assert len(pem) < 2048
    return pem.ljust(2048, b"\n")


def _pkcs12(issued: IssuedCertificate) -> bytes:
    key: Any = issued.private_key
    encryption = BestAvailableEncryption(PASSWORD.encode())
    return pkcs12.serialize_key_and_certificates(b"app", key, issued.certificate, None, encryption)


@dataclass
class Application:
    """A program that uses S3 through a session, for hours that pass quickly.

    Attributes:
        site: Its files.
        s3: A client of moto.
    """

    service: LocalRolesAnywhere
    site: Site
    session: Any
    s3: Any
    clock: PassingClock
    caplog: pytest.LogCaptureFixture
    bucket: str = "rotation"
    _objects: int = field(default=0, init=False)

    def use(self) -> None:
        """Write and read an object; botocore takes credentials for each."""
        self._objects += 1
        content = str(self._objects).encode()
        self.s3.put_object(Bucket=self.bucket, Key="object", Body=content)
        assert self.s3.get_object(Bucket=self.bucket, Key="object")["Body"].read() == content

    def generation_in_use(self) -> str:
        """Return whose certificate the credentials at hand were obtained with, as the service tells it."""
        arn = self.session.client("sts", endpoint_url=self.service.url).get_caller_identity()["Arn"]
        return self.site.name_of(int(arn.rpartition("/")[2], 16))

    def renew(self) -> str:
        """Let the credentials come to their end, use S3, and return whose certificate got the next ones."""
        calls = len(self.service.calls)
        self.clock.pass_to_the_last_minute()
        self.use()
        assert [call.status for call in self.service.calls[calls:]] == [201]
        return self.generation_in_use()

    def told(self) -> list[str]:
        """Return what the library has logged since this was last asked."""
        told = [record.getMessage() for record in self.caplog.records if record.name == "rolesanywhere_signer"]
        self.caplog.clear()
        return told


def start_application(
    world: World, site: Site, moto_url: str, caplog: pytest.LogCaptureFixture, **options: Any
) -> Application:
    """Return an application that has used S3 once, with the certificate ``first``."""
    clock = PassingClock()
    world.service.clock = clock
    arguments = {"certificate": site.certificate, "private_key": site.key, "passphrase": site.passphrase}
    session = world.boto3_session(clock=clock, **arguments, **options)
    s3 = session.client("s3", endpoint_url=moto_url)
    s3.create_bucket(Bucket="rotation")
    caplog.set_level("INFO", logger="rolesanywhere_signer")
    application = Application(world.service, site, session, s3, clock, caplog)
    application.use()
    assert application.generation_in_use() == "first"
    return application


@contextlib.contextmanager
def unreadable(site: Site) -> Iterator[None]:
    """Take the right to read the files from this process; root becomes another user for that."""
    directory_mode = site.directory.stat().st_mode
    site.directory.chmod(0o711)
    for path in site.files:
        path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        for path in site.files:
            path.chmod(0o600)
        site.directory.chmod(directory_mode)
