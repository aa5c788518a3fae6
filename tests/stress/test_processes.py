"""Sessions in programs that fork, and providers that are sent to other processes: all of them real."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

import rolesanywhere_signer
from rolesanywhere_signer import Identity, RolesAnywhereClient, RolesAnywhereProvider
from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.support.relay import hand_on
from tests.support.servers import raw_server, read_request
from tests.support.world import World

if not hasattr(os, "fork"):
    pytest.skip("this system has no fork", allow_module_level=True)

DEADLINE = 40
CHILDREN = 8
WORKER = Path(__file__).with_name("process_worker.py")
SITE = str(Path(rolesanywhere_signer.__file__).parents[1])


class Company(World):
    """A company whose programs are processes of their own; they and the service read one clock."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = self.directory / "clock"
        self.clock.write_text("0")
        self.service.clock = lambda: datetime.now(timezone.utc) + timedelta(seconds=float(self.clock.read_text()))

    def start(self, mode: str, *, cached: bool, url: str | None = None) -> subprocess.Popen[str]:
        options = {
            "certificate": str(self.certificate),
            "private_key": str(self.private_key),
            "url": url or self.service.url,
            "cache": str(self.directory / "cache") if cached else None,
            "clock": str(self.clock),
            "arns": self.arns,
        }
        # Forking with threads is the very case; Python 3.12 and later warn of it.
        command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", str(WORKER)]
        return subprocess.Popen(
            [*command, mode, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": SITE},
            text=True,
        )

    def run(self, mode: str, *, cached: bool) -> dict[str, list[dict[str, str]]]:
        return self.told(self.start(mode, cached=cached))

    def told(self, process: subprocess.Popen[str]) -> dict[str, list[dict[str, str]]]:
        """Return what a program and its children told, by who it was; all credentials must be of the right role."""
        try:
            output, errors = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 0, errors
        assert errors == ""
        lines: dict[str, list[dict[str, str]]] = {}
        for line in map(json.loads, output.splitlines()):
            if isinstance(line, dict):
                self.assert_works(line)
                lines.setdefault(line["who"], []).append(line)
        return lines

    def assert_works(self, line: dict[str, str]) -> None:
        sts = boto3.client(
            "sts",
            region_name="us-east-1",
            endpoint_url=self.service.url,
            aws_access_key_id=line["key"],
            aws_secret_access_key=line["secret"],
            aws_session_token=line["token"],
        )
        if self.service._account.vended(line["key"]).expiration > self.service.clock():  # type: ignore[union-attr]
            assert ":assumed-role/s3-reader/" in sts.get_caller_identity()["Arn"]

    def statuses(self) -> list[int]:
        return [call.status for call in self.service.calls]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with LocalRolesAnywhere() as service:
        yield Company(service, tmp_path)


cached_or_not = pytest.mark.parametrize("cached", [False, True], ids=["alone", "with a cache"])


def keys(lines: list[dict[str, str]]) -> list[str]:
    return [line["key"] for line in lines]


@cached_or_not
def test_a_fork_after_use(company: Company, cached: bool) -> None:
    told = company.run("fork after use", cached=cached)
    parent, child = keys(told["parent"]), keys(told["child"])
    assert parent[:2] == [child[0]] * 2
    assert parent[2] != parent[1]
    assert child[1] != child[0]
    # Each renews for itself, unless they share.
    assert (parent[2] == child[1]) is cached
    assert company.statuses() == [201] * (2 if cached else 3)


@cached_or_not
def test_a_session_made_before_the_fork_of_many(company: Company, cached: bool) -> None:
    told = company.run("fork before use", cached=cached)
    assert len({line["process"] for line in told["child"]}) == CHILDREN
    assert len(set(keys(told["child"]))) == (1 if cached else CHILDREN)
    assert company.statuses() == [201] * (1 if cached else CHILDREN)


class Gate:
    """Holds the first request back until it is opened."""

    def __init__(self, url: str) -> None:
        self.arrived = threading.Event()
        self.opened = threading.Event()
        self._url = url

    def __call__(self, connection: Any) -> None:
        received = read_request(connection)
        is_first = not self.arrived.is_set()
        self.arrived.set()
        if is_first:
            assert self.opened.wait(DEADLINE)
        connection.sendall(hand_on(received, self._url))


@cached_or_not
def test_a_fork_while_a_call_is_under_way(company: Company, cached: bool) -> None:
    gate = Gate(company.service.url)
    with raw_server(gate, reads=False) as server:
        process = company.start("fork during a call", cached=cached, url=server.url)
        assert process.stdin is not None
        assert process.stdout is not None
        assert gate.arrived.wait(DEADLINE)
        process.stdin.write("fork\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == "the child asks"
        child = None if cached else json.loads(process.stdout.readline())
        gate.opened.set()
        told = company.told(process)
    if child is None:
        # The lock's file is the parent's: the child waits for its call, and makes none.
        assert told["child"][0]["key"] == told["parent"][0]["key"]
        assert company.statuses() == [201]
    else:
        assert child["who"] == "child"
        company.assert_works(child)
        assert child["key"] != told["parent"][0]["key"]
        assert company.statuses() == [201, 201]


@cached_or_not
def test_forks_among_threads_that_use_the_session(company: Company, cached: bool) -> None:
    told = company.run("fork among threads", cached=cached)
    assert len({line["process"] for line in told["child"]}) == CHILDREN
    assert len(told["parent"]) == 1
    # The parent and a child at most, for each hour, and in the end the parent.
    assert company.statuses().count(201) <= 2 * CHILDREN + 2


@cached_or_not
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_provider_and_its_pieces_in_other_processes(company: Company, method: str, cached: bool) -> None:
    told = company.run(method, cached=cached)
    (provider,), (pieces,), parent = keys(told["provider"]), keys(told["pieces"]), keys(told["parent"])
    assert parent[0] == parent[1]
    # A forked process has the provider itself, the others one that was pickled.
    shares = cached or method == "fork"
    assert (provider == parent[0]) is shares
    assert pieces not in (provider, parent[0])
    assert company.statuses() == [201] * (2 if shares else 3)


class TestPickles:
    """A pickle carries settings and paths; never credentials, a key or a passphrase."""

    PASSPHRASE = "planted-passphrase"

    @pytest.fixture
    def provider(self, company: Company) -> RolesAnywhereProvider:
        """A provider in use, whose key is encrypted."""
        key: Any = company.leaf.private_key
        settings = company.client().settings
        encryption = BestAvailableEncryption(self.PASSPHRASE.encode())
        company.private_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        identity = Identity.from_files(company.certificate, company.private_key, passphrase=self.PASSPHRASE)
        provider = RolesAnywhereProvider(RolesAnywhereClient(settings, identity), cache=company.directory / "cache")
        provider.load().get_frozen_credentials()
        return provider

    def secrets(self, company: Company, provider: RolesAnywhereProvider) -> list[bytes]:
        key: Any = company.leaf.private_key
        frozen = provider.load().get_frozen_credentials()
        number = key.private_numbers().private_value
        return [
            self.PASSPHRASE.encode(),
            str(frozen.secret_key).encode(),
            str(frozen.token).encode(),
            str(frozen.access_key).encode(),
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            number.to_bytes(48, "big"),
            number.to_bytes(48, "little"),
            str(number).encode(),
            *(line for line in company.private_key.read_bytes().splitlines()[1:-1]),
            *(line for line in company.leaf.private_key_pem.splitlines()[1:-1] if len(line) > 40),
        ]

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("part", ["provider", "client", "client.identity", "client.settings", "_cache"])
    def test_nothing_secret_is_in_it(
        self, company: Company, provider: RolesAnywhereProvider, part: str, protocol: int
    ) -> None:
        value: Any = provider
        for name in [] if part == "provider" else part.split("."):
            value = getattr(value, name)
        pickled = pickle.dumps(value, protocol)
        assert [secret for secret in self.secrets(company, provider) if secret in pickled] == []

    def test_the_secrets_would_be_seen(self, company: Company, provider: RolesAnywhereProvider) -> None:
        """The search of the test before finds what it looks for, where it is."""
        held = pickle.dumps([self.PASSPHRASE, provider.load()._refresher._current])
        assert len([secret for secret in self.secrets(company, provider) if secret in held]) == 4

    def test_credentials_and_keys_go_into_none(self, provider: RolesAnywhereProvider) -> None:
        for secret in (provider.load(), provider.client.identity.current.key):
            with pytest.raises(rolesanywhere_signer.ConfigurationError, match="cannot be pickled"):
                pickle.dumps(secret)
