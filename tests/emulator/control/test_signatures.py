"""Who may call the control plane: signatures of any credentials, of given ones, and of those that were vended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing import HttpRequest, HttpResponse, LocalRolesAnywhere
from tests.emulator.control.world import KEY, SECRET, boto3_client, new_profile, signed
from tests.emulator.signing import NOW
from tests.emulator.world import World, content, header

UNKNOWN = "The security token included in the request is invalid."
WRONG = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
GOOD_KEY = ("AKIDADMINISTRATOR", "the secret of the administrator")


def told(response: HttpResponse) -> tuple[int, str]:
    return response.status, header(response, "x-amzn-ErrorType")


def changed(request: HttpRequest, name: str, *values: str) -> HttpRequest:
    """Return a request with other headers of that name."""
    others = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    return replace(request, headers=(*others, *((name, value) for value in values)))


def authorization(request: HttpRequest, old: str, new: str) -> HttpRequest:
    [text] = request.values("authorization")
    assert old in text
    return changed(request, "Authorization", text.replace(old, new))


class TestAnyCredentials:
    @pytest.fixture
    def service(self) -> LocalRolesAnywhere:
        return LocalRolesAnywhere()

    def test_any_will_do(self, service: LocalRolesAnywhere) -> None:
        for key, secret, token in (("AKIA1", "x", None), ("ASIAUNKNOWN", "y", "token")):
            request = signed("GET", "/profiles", key=key, secret=secret, token=token)
            assert service.respond(request).status == 200

    def test_none_will_not_do(self, service: LocalRolesAnywhere) -> None:
        response = service.respond(HttpRequest("GET", "/profiles", (("Host", "a"),)))
        assert told(response) == (403, "MissingAuthenticationTokenException")
        assert content(response) == {"message": "Missing Authentication Token"}

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            ("AWS4-HMAC-SHA256", "AWS4-X509-RSA-SHA256"),
            ("/rolesanywhere/", "/sts/"),
            ("aws4_request", "aws3_request"),
            ("host;", ""),
            (";x-amz-date", ""),
            ("host;x-amz-date", "x-amz-date;host"),
            ("Signature=", "Signature=g"),
            ("host;x-amz-date", "host;not-there;x-amz-date"),
            (f"{KEY}/2", f"{KEY}/1"),
        ],
    )
    def test_signatures_that_are_incomplete(self, service: LocalRolesAnywhere, old: str, new: str) -> None:
        response = service.respond(authorization(signed("GET", "/profiles"), old, new))
        assert told(response) == (403, "IncompleteSignatureException")

    @pytest.mark.parametrize("values", [(), ("20200101T000000Z", "20200101T000000Z"), ("yesterday",), ("",)])
    def test_dates_that_are_none(self, service: LocalRolesAnywhere, values: tuple[str, ...]) -> None:
        response = service.respond(changed(signed("GET", "/profiles"), "X-Amz-Date", *values))
        assert told(response) == (403, "IncompleteSignatureException")

    @pytest.mark.parametrize("name", ["X-Amz-Security-Token", "X-Amz-Content-Sha256", "x-amz-anything"])
    def test_headers_that_must_be_signed(self, service: LocalRolesAnywhere, name: str) -> None:
        response = service.respond(changed(signed("GET", "/profiles"), name, "x"))
        assert told(response) == (403, "IncompleteSignatureException")

    def test_another_region(self, service: LocalRolesAnywhere) -> None:
        response = service.respond(signed("GET", "/profiles", region="eu-west-1"))
        assert told(response) == (403, "InvalidSignatureException")
        assert content(response) == {"message": "Credential should be scoped to a valid region."}

    def test_two_authorizations(self, service: LocalRolesAnywhere) -> None:
        request = signed("GET", "/profiles")
        [text] = request.values("authorization")
        assert service.respond(changed(request, "Authorization", text, text)).status == 403

    def test_the_machines_time_and_the_services_time_are_both_good(self, service: LocalRolesAnywhere) -> None:
        request = signed("GET", "/profiles")
        service.clock = lambda: NOW + timedelta(days=400)
        assert service.respond(request).status == 200

    def test_an_old_date(self, service: LocalRolesAnywhere) -> None:
        request = changed(signed("GET", "/profiles"), "X-Amz-Date", "20200101T000000Z")
        [text] = request.values("authorization")
        day = text.split("/")[1]
        response = service.respond(authorization(request, f"/{day}/", "/20200101/"))
        assert told(response) == (403, "InvalidSignatureException")
        service.clock = lambda: datetime.fromisoformat("2020-01-01T00:10:00+00:00")
        assert service.respond(authorization(request, f"/{day}/", "/20200101/")).status == 200

    def test_a_target_at_another_host(self, service: LocalRolesAnywhere) -> None:
        request = signed("GET", "/profiles")
        assert service.respond(replace(request, target="http://127.0.0.1:1/profiles")).status == 200
        assert service.respond(replace(request, target="http://other/profiles")).status == 403


class TestGivenCredentials:
    @pytest.fixture
    def service(self) -> LocalRolesAnywhere:
        return LocalRolesAnywhere(control_credentials=GOOD_KEY)

    def test_they_are_verified(self, service: LocalRolesAnywhere) -> None:
        key, secret = GOOD_KEY
        assert service.respond(signed("GET", "/profiles", key=key, secret=secret)).status == 200

    @pytest.mark.parametrize(
        ("key", "secret", "token", "code", "message"),
        [
            (GOOD_KEY[0], "x", None, "InvalidSignatureException", WRONG),
            (GOOD_KEY[0], GOOD_KEY[1], "token", "UnrecognizedClientException", UNKNOWN),
            (KEY, SECRET, None, "UnrecognizedClientException", UNKNOWN),
        ],
    )
    def test_others_are_not_taken(
        self, service: LocalRolesAnywhere, key: str, secret: str, token: str | None, code: str, message: str
    ) -> None:
        response = service.respond(signed("GET", "/profiles", key=key, secret=secret, token=token))
        assert (*told(response), content(response)["message"]) == (403, code, message)

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "POST"},
            {"target": "/profiles?pageSize=2"},
            {"target": "/trustanchors?pageSize=1"},
            {"body": b"{}"},
        ],
    )
    def test_what_was_signed_is_what_counts(self, service: LocalRolesAnywhere, change: dict[str, Any]) -> None:
        request = signed("GET", "/profiles?pageSize=1", key=GOOD_KEY[0], secret=GOOD_KEY[1])
        assert service.respond(request).status == 200
        assert told(service.respond(replace(request, **change))) == (403, "InvalidSignatureException")

    def test_boto3_signs_what_is_verified(self) -> None:
        with LocalRolesAnywhere(control_credentials=GOOD_KEY) as service:
            client = boto3_client(service, *GOOD_KEY)
            made = new_profile(client, name="a b", tags=[{"key": "a/b", "value": "c=d"}])
            client.delete_attribute_mapping(
                profileId=made["profileId"], certificateField="x509SAN", specifiers=["Name/*", "DNS"]
            )
            assert client.list_tags_for_resource(resourceArn=made["profileArn"])["tags"]
            client.close()

    @pytest.mark.parametrize("wrong", ["AKID", ("AKID",), ("AKID", 5), ("A/B", "s3cret"), (b"AKID", b"s3cret"), 5])
    def test_what_are_no_credentials(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="control_credentials") as caught:
            LocalRolesAnywhere(control_credentials=wrong)
        assert "s3cret" not in str(caught.value)

    def test_they_are_not_shown(self, service: LocalRolesAnywhere) -> None:
        service.respond(signed("GET", "/profiles"))
        shown = repr(vars(service)["_control_plane"]._credentials)
        assert GOOD_KEY[0] in shown
        assert GOOD_KEY[1] not in shown


class TestVendedCredentials:
    @pytest.fixture
    def world(self) -> World:
        return World()

    def vend(self, world: World) -> dict[str, str]:
        [session] = content(world.ask())["credentialSet"]
        credentials: dict[str, str] = session["credentials"]
        return credentials

    def sign(self, credentials: dict[str, str], **instead: Any) -> HttpRequest:
        given = {
            "key": credentials["accessKeyId"],
            "secret": credentials["secretAccessKey"],
            "token": credentials["sessionToken"],
        }
        return signed("GET", "/profiles", **{**given, **instead})

    def test_they_are_verified_where_any_will_do(self, world: World) -> None:
        credentials = self.vend(world)
        assert world.send(self.sign(credentials)).status == 200
        wrong = world.send(self.sign(credentials, secret="x"))
        assert told(wrong) == (403, "InvalidSignatureException")
        for token in (None, "x"):
            unknown = world.send(self.sign(credentials, token=token))
            assert told(unknown) == (403, "UnrecognizedClientException")

    def test_their_end(self, world: World) -> None:
        credentials = self.vend(world)
        world.service.clock = lambda: NOW + timedelta(seconds=3600)
        assert told(world.send(self.sign(credentials))) == (403, "ExpiredTokenException")

    def test_the_profile_names_its_maker(self, world: World) -> None:
        with world.service:
            credentials = self.vend(world)
            client = boto3.client(
                "rolesanywhere",
                "us-east-1",
                endpoint_url=world.service.url,
                aws_access_key_id=credentials["accessKeyId"],
                aws_secret_access_key=credentials["secretAccessKey"],
                aws_session_token=credentials["sessionToken"],
            )
            assert ":assumed-role/reader/" in new_profile(client)["createdBy"]
            client.close()
