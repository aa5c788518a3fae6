"""Certificates that are renewed under a running application: what is used, what is told, and that S3 goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rolesanywhere_signer import RolesAnywhereError
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.rotating import PASSWORD, Application, Site, start_application, unreadable
from tests.support.world import World

HALF_A_KEY = (
    "the private key cannot be read: the block PRIVATE KEY begins but does not end; the file may be half-written"
)
EXPIRED = "AccessDeniedException: Untrusted certificate. Certificate expired or not yet valid"
NO_CERTIFICATE = "the certificate file {certificate!r} is not an X.509 certificate"
NOW = datetime.now(timezone.utc)
PASSED_OVER = "the renewed certificate or key cannot be used, the last good pair goes on: "


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "world").mkdir()
    with LocalRolesAnywhere() as service:
        yield World(service, tmp_path / "world")


@pytest.fixture
def site(world: World, tmp_path: Path) -> Site:
    """An application's certificate and key in two files of one directory."""
    (tmp_path / "site").mkdir()
    site = Site(world, tmp_path / "site")
    site.write_all("first")
    site.issue("expired", valid_from=NOW - timedelta(days=2), valid_for=timedelta(days=1))
    site.issue("early", valid_from=NOW + timedelta(minutes=90))
    return site


@pytest.fixture
def start(world: World, moto_url: str, caplog: pytest.LogCaptureFixture) -> Callable[[Site], Application]:
    def start(site: Site) -> Application:
        application = start_application(world, site, moto_url, caplog)
        assert application.told() == []
        return application

    return start


@dataclass(frozen=True)
class Step:
    """What happens on disk, then whose certificate gets the next credentials, and what is told once.

    Attributes:
        told: The warning after ``PASSED_OVER``, with the names of the two files and of serial numbers to be filled in.
    """

    renew: Callable[[Site], None]
    used: str
    told: str | None = None


def mismatch(name: str) -> str:
    subject = f"(subject CN={name}, serial {{{name}}})"
    return "the private key is not the one of the certificate file {certificate!r} " + subject


def write_certificate(name: str, length: int | None = None) -> Callable[[Site], None]:
    return lambda site: site.write(site.certificate, name, length)


def write_key(name: str, length: int | None = None) -> Callable[[Site], None]:
    def write(site: Site) -> None:
        assert site.key is not None
        site.write(site.key, name, length)

    return write


def write_all(name: str) -> Callable[[Site], None]:
    return lambda site: site.write_all(name)


def rename_all(name: str) -> Callable[[Site], None]:
    return lambda site: site.rename_all(name)


def remove_all(site: Site) -> None:
    for path in site.files:
        path.unlink()


def remove_key(site: Site) -> None:
    assert site.key is not None
    site.key.unlink()


def write_with_the_old_size_and_time(site: Site) -> None:
    for path in site.files:
        old = path.stat()
        site.write(path, "second")
        os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
        new = path.stat()
        assert (new.st_size, new.st_mtime_ns, new.st_ino) == (old.st_size, old.st_mtime_ns, old.st_ino)


CASES = {
    "nothing is renewed": [Step(lambda _: None, "first")],
    "both renamed over": [Step(rename_all("second"), "second"), Step(rename_all("third"), "third")],
    "both written in place": [Step(write_all("second"), "second"), Step(write_all("third"), "third")],
    "size and time as before": [Step(write_with_the_old_size_and_time, "second")],
    "key first": [
        Step(write_key("second"), "first", mismatch("first")),
        Step(write_certificate("second"), "second"),
    ],
    "certificate first": [
        Step(write_certificate("second"), "first", mismatch("second")),
        Step(write_key("second"), "second"),
    ],
    "half a certificate": [
        Step(write_key("second"), "first", mismatch("first")),
        # The same trouble goes on, and is told no second time.
        Step(write_certificate("second", 200), "first"),
        Step(write_certificate("second"), "second"),
    ],
    "half a key": [
        Step(write_key("second", 100), "first", HALF_A_KEY),
        Step(write_all("second"), "second"),
    ],
    "an empty certificate": [
        Step(write_certificate("second", 0), "first", NO_CERTIFICATE),
        Step(write_all("second"), "second"),
    ],
    "both removed": [
        Step(remove_all, "first", "cannot read the certificate file {certificate!r}: No such file or directory"),
        Step(write_all("second"), "second"),
    ],
    "the key removed": [
        Step(remove_key, "first", "cannot read the private key file {key!r}: No such file or directory"),
        Step(write_key("first"), "first"),
    ],
    "a pair that is none": [
        Step(write_key("other"), "first", mismatch("first")),
        Step(lambda _: None, "first"),
        Step(write_all("second"), "second"),
        # Trouble that comes anew is told anew.
        Step(write_key("other"), "second", mismatch("second")),
    ],
    "expired": [
        Step(
            write_all("expired"), "first", "the certificate file {certificate!r} (serial {expired}) is valid from "
            "{expired_from} to {expired_to} only",
        ),
        Step(write_all("second"), "second"),
    ],
    "not valid yet": [
        Step(
            write_all("early"), "first", "the certificate file {certificate!r} (serial {early}) is valid from "
            "{early_from} to {early_to} only",
        ),
        # An hour later it is.
        Step(lambda _: None, "early"),
    ],
}  # fmt: skip


def run(application: Application, steps: list[Step]) -> None:
    for step in steps:
        step.renew(application.site)
        assert application.renew() == step.used
        assert application.told() == ([] if step.told is None else [PASSED_OVER + filled(step.told, application.site)])


def filled(text: str, site: Site) -> str:
    words: dict[str, str] = {"certificate": str(site.certificate), "key": str(site.key)}
    for name, issued in site.issued.items():
        certificate = issued.certificate
        words[name] = str(certificate.serial_number)
        words[f"{name}_from"] = certificate.not_valid_before_utc.isoformat()
        words[f"{name}_to"] = certificate.not_valid_after_utc.isoformat()
    return text.format(**words)


@pytest.mark.parametrize("name", CASES)
def test_two_files(name: str, site: Site, start: Callable[[Site], Application]) -> None:
    application = start(site)
    run(application, CASES[name])


class TestOneFile:
    """Certificate and key together in one PEM file."""

    @pytest.fixture
    def application(self, site: Site, start: Callable[[Site], Application]) -> Application:
        site.key = None
        site.write_all("first")
        return start(site)

    def test_it_is_renamed_over_or_written_in_place(self, application: Application) -> None:
        run(application, [Step(rename_all("second"), "second"), Step(write_all("third"), "third")])

    def test_half_of_it_and_none_of_it(self, application: Application) -> None:
        half = len(application.site.issue("second").certificate_pem) + 60
        steps = [
            Step(
                write_certificate("second", half),
                "first",
                HALF_A_KEY.replace("private key", "certificate file {certificate!r}"),
            ),
            Step(remove_all, "first"),
            Step(write_all("second"), "second"),
            Step(remove_all, "second", "cannot read the certificate file {certificate!r}: No such file or directory"),
        ]
        run(application, steps)


class TestPkcs12:
    """Certificate, chain and key in one PKCS#12 file with a password."""

    @pytest.fixture
    def application(self, site: Site, start: Callable[[Site], Application]) -> Application:
        site.key = None
        site.certificate = site.directory / "app.p12"
        site.passphrase = PASSWORD
        site.write_all("first")
        return start(site)

    def test_it_is_renamed_over_or_written_in_place(self, application: Application) -> None:
        run(application, [Step(rename_all("second"), "second"), Step(write_all("third"), "third")])

    def test_half_of_it_and_none_of_it(self, application: Application) -> None:
        damaged = "the PKCS#12 file cannot be opened: the passphrase is wrong, or the file is damaged"
        steps = [
            Step(write_certificate("second", 500), "first", damaged),
            Step(write_all("second"), "second"),
            Step(remove_all, "second", "cannot read the certificate file {certificate!r}: No such file or directory"),
        ]
        run(application, steps)


class Volume:
    """A directory as Kubernetes fills it: links to files of ``..data``, which is a link that is swapped."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._fill("first")
        self._point_to("first")
        for path in site.files:
            path.unlink()
            path.symlink_to(Path("..data", path.name))

    def swap(self, name: str) -> Callable[[Site], None]:
        def renew(_: Site) -> None:
            self._fill(name)
            self._point_to(name)

        return renew

    def _fill(self, name: str) -> None:
        folder = self._site.directory / f"..{name}"
        folder.mkdir()
        for path in self._site.files:
            target = folder / path.name
            target.write_bytes(self._site.content(path, name))
            target.chmod(0o600)

    def _point_to(self, name: str) -> None:
        new = self._site.directory / "..data_tmp"
        new.symlink_to(f"..{name}")
        new.replace(self._site.directory / "..data")


def test_the_links_of_a_kubernetes_volume_are_swapped(site: Site, start: Callable[[Site], Application]) -> None:
    volume = Volume(site)
    application = start(site)
    run(application, [Step(volume.swap("second"), "second"), Step(volume.swap("third"), "third")])
    assert site.certificate.resolve().parent.name == "..third"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes mean nothing here")
def test_files_that_become_unreadable(site: Site, start: Callable[[Site], Application]) -> None:
    application = start(site)
    site.write_all("second")
    with unreadable(site):
        application.clock.pass_to_the_last_minute()
        application.session.get_credentials().get_frozen_credentials()
    application.use()
    assert application.generation_in_use() == "first"
    assert application.told() == [
        PASSED_OVER + f"cannot read the certificate file {str(site.certificate)!r}: Permission denied"
    ]
    assert application.renew() == "second"
    assert application.told() == []


def test_what_is_renewed_is_not_read_before_it_is_needed(site: Site, start: Callable[[Site], Application]) -> None:
    application = start(site)
    site.write_all("second")
    for _ in range(3):
        application.use()
    assert len(application.service.calls) == 1
    assert application.generation_in_use() == "first"


@pytest.fixture
def ageing(world: World, site: Site, moto_url: str, caplog: pytest.LogCaptureFixture) -> Application:
    """An application whose certificate ends half an hour before its credentials."""
    life = timedelta(days=1, minutes=30)
    site.issued["first"] = world.ca.issue("CN=first", valid_from=NOW - timedelta(days=1), valid_for=life)
    site.write_all("first")
    application = start_application(world, site, moto_url, caplog)
    (warning,) = application.told()
    assert "[expires-soon]" in warning
    return application


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(write_key("second", 100), HALF_A_KEY, id="half-written"),
        pytest.param(write_all("expired"), EXPIRED, id="expired too"),
        pytest.param(lambda _: None, EXPIRED, id="as it was"),
    ],
)
def test_without_a_valid_pair_the_credentials_last_to_their_end(
    ageing: Application, spoil: Callable[[Site], None], reason: str
) -> None:
    spoil(ageing.site)
    ageing.clock.pass_to_the_last_minute()
    ageing.use()
    warning = ageing.told()[-1]
    assert warning.startswith("the credentials could not be renewed; those at hand are valid until ")
    assert reason in warning
    ageing.clock.pass_to_the_last_minute()
    with pytest.raises(RolesAnywhereError, match=reason):
        ageing.use()
    ageing.site.write_all("second")
    ageing.use()
    assert ageing.generation_in_use() == "second"


def test_a_renewal_that_never_stops(site: Site, start: Callable[[Site], Application]) -> None:
    """Files are written anew in pieces all the time, and every use needs new credentials: each has a pair to go on."""
    application = start(site)
    stop = threading.Event()
    writer = threading.Thread(target=write_in_pieces, args=(site, stop))
    writer.start()
    try:
        used = {application.renew() for _ in range(40)}
    finally:
        stop.set()
        writer.join()
    site.write_all("last")
    assert application.renew() == "last"
    assert used <= set(site.issued)


def write_in_pieces(site: Site, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        for path in site.files:
            content = site.content(path, f"piece-{number % 5}")
            with path.open("wb", buffering=0) as file:
                for start in range(0, len(content), 256):
                    file.write(content[start : start + 256])
        stop.wait(0.001)
