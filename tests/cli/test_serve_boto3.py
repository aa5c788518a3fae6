"""boto3 as a client of both protocols, with a real server in between, and time that passes for all but botocore."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import boto3
import botocore.exceptions
import botocore.session
import pytest

from rolesanywhere_signer.assembly import make_refresher
from rolesanywhere_signer.serve.bearer import bearer_in
from rolesanywhere_signer.serve.container import container_app
from rolesanywhere_signer.serve.imds import imds_app
from rolesanywhere_signer.serve.supplier import Supplier
from tests.support.refreshing import DEADLINE, settle
from tests.support.rotating import PassingClock
from tests.support.serving import served
from tests.support.world import World


@dataclass
class Client:
    """A machine whose programs find one of the protocols in their environment."""

    world: World
    clock: PassingClock
    supplier: Supplier
    method: str

    def start_program(self) -> boto3.Session:
        """Return what a program has that starts now."""
        return boto3.Session(botocore_session=botocore.session.Session(), region_name="eu-central-1")

    def be_due(self) -> None:
        """Let so much time pass that the credentials are renewed, and wait until they are."""
        self.clock.ahead = timedelta(minutes=46)
        self.supplier.ask()
        settle()

    def lose_service(self) -> None:
        """Let the service be away for longer than credentials last."""
        self.world.service.__exit__(None, None, None)
        self.clock.ahead = timedelta(hours=2)
        condition, seen = self.supplier._condition, self.supplier._attempts
        self.supplier.ask()
        with condition:
            assert condition.wait_for(lambda: self.supplier._attempts > seen, DEADLINE)

    def find_service(self) -> None:
        """Bring the service back; its port is another one, and the client is led to it as DNS would."""
        self.world.service.__enter__()
        self.supplier._refresher._fetch = self.world.client(clock=self.clock).create_session
        self.clock.ahead += timedelta(minutes=1)


def key_of(session: boto3.Session) -> str:
    credentials = session.get_credentials()
    assert credentials is not None
    return str(credentials.get_frozen_credentials().access_key)


@pytest.fixture(params=["iam-role", "container-role"])
def client(
    request: pytest.FixtureRequest, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    clock = PassingClock()
    world.service.clock = clock
    supplier = Supplier("s3-reader", make_refresher(world.client(clock=clock), None, ()), clock)
    # The SDK's own waits between its attempts have no place here.
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with contextlib.ExitStack() as stack:
        if request.param == "iam-role":
            listener = stack.enter_context(served(imds_app(supplier), supplier))
            monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{listener.url}/")
            # The second version of the protocol alone.
            monkeypatch.setenv("AWS_EC2_METADATA_V1_DISABLED", "true")
        else:
            bearer = stack.enter_context(bearer_in(tmp_path / "token"))
            listener = stack.enter_context(served(container_app({"/": supplier}, bearer.token), supplier))
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{listener.url}/")
            monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", bearer.path)
        yield Client(world, clock, supplier, request.param)


def test_it_works(client: Client) -> None:
    session = client.start_program()
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.method == client.method
    assert ":assumed-role/s3-reader/" in client.world.sts(session).get_caller_identity()["Arn"]
    key_of(client.start_program())
    assert len(client.world.service.calls) == 1


def test_a_program_that_goes_on_gets_new_credentials_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    session = client.start_program()
    first = key_of(session)
    client.be_due()
    # botocore has a clock of its own.
    monkeypatch.setattr(session.get_credentials(), "_time_fetcher", client.clock)
    assert key_of(session) != first
    assert len(client.world.service.calls) == 2


def test_a_service_that_is_away_gives_no_empty_credentials(client: Client) -> None:
    client.lose_service()
    session = client.start_program()
    if client.method == "container-role":
        with pytest.raises(botocore.exceptions.CredentialRetrievalError, match="Connection refused"):
            session.get_credentials()
    else:
        # Of this protocol botocore hands no reason on: to it, there are none.
        assert session.get_credentials() is None


def test_after_an_outage_programs_get_credentials_again(client: Client) -> None:
    first = key_of(client.start_program())
    client.lose_service()
    client.find_service()
    assert key_of(client.start_program()) != first
