"""``doctor`` on the way to the service: names, proxies, TLS and clocks that are broken for real."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from rolesanywhere_signer.doctor import connecting
from tests.support.broken import Broken, Site, Table, check, first_lines, name_of, warnings_of
from tests.support.command_line import Outcome, run_here
from tests.support.relay import Recorder
from tests.support.servers import ConnectProxy, http, raw_server, unused_port
from tests.support.tls import ca_pem, server_context

broken = Table()

PAGE = b"<!DOCTYPE html><html><head><title>Access denied</title></head><body>by policy</body></html>"
PASSWORD = "planted-proxy-password"


class Network:
    """Servers on loopback around a site.

    Attributes:
        site: Whose ``doctor`` is run.
    """

    def __init__(self, site: Site, stack: ExitStack) -> None:
        self.site = site
        self._stack = stack

    def serve(self, *answers: Any, **options: Any) -> str:
        """Start a server; return its URL."""
        return self._stack.enter_context(raw_server(*answers, **options)).url

    def front(self, **certificate: Any) -> str:
        """Start TLS before the local service; return its URL."""
        return self.serve(Recorder(self.site.world.service.url), tls=server_context(**certificate), reads=False)

    def ca_file(self, name: str = "server CA") -> Path:
        path = self.site.directory / "ca.pem"
        path.write_bytes(ca_pem(name))
        return path

    def proxy(self, url: str, refusal: bytes | None = None, user_info: str = "") -> list[str]:
        """Set a proxy of the environment; return the flag with which it is used."""
        proxy = self.serve(ConnectProxy(int(url.rpartition(":")[2]), refusal))
        self.site.monkeypatch.setenv("HTTPS_PROXY", proxy.replace("http://", f"http://{user_info}"))
        return ["--with-proxy"]


@pytest.fixture
def network(site: Site) -> Iterator[Network]:
    with ExitStack() as stack:
        site.network = Network(site, stack)  # type: ignore[attr-defined]
        yield site.network  # type: ignore[attr-defined]


def around(site: Site) -> Network:
    found = site.network  # type: ignore[attr-defined]
    assert isinstance(found, Network)
    return found


# --- Names ---------------------------------------------------------------------------------------------------------


@broken(
    "the name rolesanywhere.invalid does not resolve (…): most likely, it is mistyped in --endpoint, or known in "
    "another network only",
    "give the name that it has, or leave --endpoint out for the region's own",
    "this machine has no DNS, or none that knows names outside",
    "the way out of this network is a proxy, and none is set",
)
def no_such_host(site: Site) -> list[str]:
    return site.flags(endpoint="https://rolesanywhere.invalid")


@broken(
    "the name rolesanywhere.invalid does not resolve (…): most likely, it is mistyped in --endpoint, or known in "
    "another network only",
    "give the name that it has, or leave --endpoint out for the region's own",
    "the proxy of HTTPS_PROXY is not used: as with the official helper, it takes --with-proxy",
    "this machine has no DNS, or none that knows names outside",
)
def a_proxy_that_is_set_and_not_used(site: Site) -> list[str]:
    site.monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    return site.flags(endpoint="https://rolesanywhere.invalid")


@broken(
    "the name proxy.invalid does not resolve (…): most likely, the proxy's name is mistyped in HTTPS_PROXY",
    "give the name that it has",
    "this machine has no DNS, or none that knows names outside",
)
def no_such_proxy(site: Site) -> list[str]:
    site.monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PASSWORD}@proxy.invalid:3128")
    return [*site.flags(endpoint="https://rolesanywhere.invalid"), "--with-proxy"]


def in_region(site: Site, region: str) -> list[str]:
    arns = {name: arn.replace("eu-central-1", region) for name, arn in site.world.arns.items()}
    return site.flags(endpoint=None, **arns)


@broken(
    "the name rolesanywhere.eu-centrall-1.amazonaws.com does not resolve (…): there is no region eu-centrall-1 with "
    "IAM Roles Anywhere",
    "is eu-central-1 meant? The trust anchor's ARN has the right one",
    "this machine has no DNS, or none that knows names outside",
    "the way out of this network is a proxy, and none is set",
)
def mistyped_region(site: Site) -> list[str]:
    return in_region(site, "eu-centrall-1")


# --- Connections and proxies ---------------------------------------------------------------------------------------


@broken(
    "127.0.0.1:1 refuses connections: most likely, nothing listens on 127.0.0.1:1: the local service is not running",
    "start it, or correct the port",
)
def nobody_listens(site: Site) -> list[str]:
    return site.flags(endpoint="http://127.0.0.1:1")


@broken(
    "the proxy http://127.0.0.1:… does not let anybody connect to 127.0.0.1:1 (403)",
    "have whoever runs it allow CONNECT to 127.0.0.1:1, or name the host in NO_PROXY if there is a way without",
)
def proxy_that_forbids(site: Site) -> list[str]:
    return [*site.flags(endpoint="https://127.0.0.1:1"), *around(site).proxy(":1", http(403, PAGE))]


@broken(
    "the proxy http://127.0.0.1:… wants a user name and a password, or other ones (407)",
    "write them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT, with @ : / # ? percent-encoded",
)
def proxy_that_wants_a_password(site: Site) -> list[str]:
    wrong = f"user:{PASSWORD}@"
    return [*site.flags(endpoint="https://127.0.0.1:1"), *around(site).proxy(":1", http(407, PAGE), wrong)]


@broken(
    "the proxy http://127.0.0.1:… did not connect to 127.0.0.1:1 (502): most likely, it cannot reach the service "
    "itself",
    "have whoever runs it look at its way to 127.0.0.1:1",
    "it answers with a page of its own instead of connecting",
)
def proxy_without_a_way(site: Site) -> list[str]:
    return [*site.flags(endpoint="https://127.0.0.1:1"), *around(site).proxy(":1", http(502, PAGE))]


@broken(
    "no way to 127.0.0.1:1 by the proxy http://127.0.0.1:… (Connection refused): most likely, it does not listen "
    "there, or what listens is no proxy",
    "see what HTTPS_PROXY names: curl -v -x http://127.0.0.1:… https://127.0.0.1:1",
    "127.0.0.1:1 has to be reached without it",
)
def proxy_that_is_not_there(site: Site) -> list[str]:
    site.monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port(site)}")
    return [*site.flags(endpoint="https://127.0.0.1:1"), "--with-proxy"]


def closed_port(site: Site) -> int:
    return int(around(site)._stack.enter_context(unused_port()))


@broken(
    "an HTML page answers at 127.0.0.1 in place of the service (HTTP 200, titled 'Access denied'): most likely, a "
    "proxy, a firewall or a captive portal answers",
    "have whoever runs the network let this host through, or set the HTTPS_PROXY that it wants",
    "the endpoint is another server",
)
def html_in_place_of_the_service(site: Site) -> list[str]:
    network = around(site)
    url = network.serve(http(200, PAGE, Content_Type="text/html"), tls=server_context())
    return [*site.flags(endpoint=url, ca_bundle=network.ca_file()), *network.proxy(url)]


@broken(
    "127.0.0.1 sends away to portal.example (HTTP 302): most likely, a proxy, a firewall or a captive portal answers",
    "have whoever runs the network let this host through, or set the HTTPS_PROXY that it wants",
    "the endpoint is another server",
)
def captive_portal(site: Site) -> list[str]:
    answer = http(302, b"", Location=f"https://portal.example/login?token={PASSWORD}")
    return site.flags(endpoint=around(site).serve(answer))


@broken(
    "a proxy that answers in place of 127.0.0.1 wants a user name and a password (407)",
    "write them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT, with @ : / # ? percent-encoded",
)
def hidden_proxy(site: Site) -> list[str]:
    return site.flags(endpoint=around(site).serve(http(407, PAGE)))


@broken(
    "…: most likely, something on the way lets connections through and no requests",
    "curl -v https://127.0.0.1:…/ shows it",
    "what listens there is not the service",
)
def no_http(site: Site) -> list[str]:
    return site.flags(endpoint=around(site).serve(b"SSH-2.0-OpenSSH_9.6\r\n"))


# --- TLS -----------------------------------------------------------------------------------------------------------


@broken(
    "the certificate that 127.0.0.1 shows was issued by CN=server CA, which is not in the list of public CAs "
    "(certifi): most likely, TLS is inspected on the way: a proxy or firewall shows certificates that CN=server "
    "CA issues",
    "give the CA's certificate as --ca-bundle FILE, rolesanywhere_ca_bundle or AWS_CA_BUNDLE, once whoever runs the "
    "network confirms that it is theirs",
    "what answers is not the service: a wrong endpoint, or a name that leads elsewhere",
)
def untrusted_issuer(site: Site) -> list[str]:
    return site.flags(endpoint=around(site).front())


@broken(
    "the certificate that 127.0.0.1 shows was issued by CN=server CA, which is not in the list of public CAs "
    "(certifi): most likely, TLS is inspected on the way: a proxy or firewall shows certificates that CN=server "
    "CA issues",
    "give the CA's certificate as --ca-bundle FILE, rolesanywhere_ca_bundle or AWS_CA_BUNDLE, once whoever runs the "
    "network confirms that it is theirs",
    "what answers is not the service: a wrong endpoint, or a name that leads elsewhere",
)
def untrusted_issuer_behind_a_proxy(site: Site) -> list[str]:
    url = around(site).front()
    return [*site.flags(endpoint=url), *around(site).proxy(url, user_info=f"user:{PASSWORD}@")]


@broken(
    "the certificate that 127.0.0.1 shows was issued by CN=server CA, which is not in the CA bundle 'DIR/ca.pem': "
    "most likely, the bundle is incomplete; it takes the place of the public CAs",
    "put the CA's certificate into the bundle, beside the public CAs where these are needed too",
    "TLS is inspected on the way: a proxy or firewall shows certificates that CN=server CA issues",
    "what answers is not the service: a wrong endpoint, or a name that leads elsewhere",
)
def bundle_of_another_ca(site: Site) -> list[str]:
    network = around(site)
    return site.flags(endpoint=network.front(), ca_bundle=network.ca_file("another CA"))


@broken(
    "the certificate that 127.0.0.1 shows expired (until … UTC; it is … UTC here): most likely, the certificate was "
    "not renewed",
    "have whoever runs 127.0.0.1, or the proxy before it, put a valid one in its place",
    "this machine's clock is ahead",
)
def expired_server(site: Site) -> list[str]:
    network = around(site)
    return site.flags(endpoint=network.front(expired=True), ca_bundle=network.ca_file())


@broken(
    "the certificate that 127.0.0.1 shows is for service.example: most likely, the service is reached under a name "
    "that is not its own",
    "give the name in the certificate as endpoint_url (--endpoint), or have the name added to it",
    "what answers is not the service: a captive portal, or a name that leads elsewhere",
)
def another_host_s_certificate(site: Site) -> list[str]:
    network = around(site)
    return site.flags(endpoint=network.front(host="service.example"), ca_bundle=network.ca_file())


@broken(
    "the CA bundle 'DIR/ca.pem' holds no certificate that can be read",
    "give a file with the CAs' certificates in PEM, one behind the other: -----BEGIN CERTIFICATE-----",
)
def bundle_without_certificates(site: Site) -> list[str]:
    path = site.directory / "ca.pem"
    path.write_text("not a certificate")
    return site.flags(endpoint=around(site).front(), ca_bundle=path)


@broken(
    "the CA bundle 'DIR/ca.pem' holds no certificate that can be read",
    "give a file with the CAs' certificates in PEM, one behind the other: -----BEGIN CERTIFICATE-----",
)
def bundle_that_is_damaged(site: Site) -> list[str]:
    path = site.directory / "ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return site.flags(endpoint=around(site).front(), ca_bundle=path)


@broken(
    "127.0.0.1 does not speak TLS as it should (…): most likely, it speaks plain HTTP on this port",
    "correct the scheme or the port of endpoint_url (--endpoint)",
    "a proxy or firewall breaks into the handshake",
)
def plain_http_behind_https(site: Site) -> list[str]:
    return site.flags(endpoint=site.world.service.url.replace("http:", "https:"))


# --- Clocks --------------------------------------------------------------------------------------------------------


@broken(
    "this machine's clock is … s behind the service's, and signatures more than five minutes off are refused",
    "set the clock by NTP: timedatectl set-ntp true",
)
def clock_behind(site: Site) -> list[str]:
    site.world.service.clock = lambda: datetime.now(timezone.utc) + timedelta(minutes=30)
    return site.flags()


@broken(
    "this machine's clock is … s ahead of the service's, and signatures more than five minutes off are refused",
    "set the clock by NTP: timedatectl set-ntp true",
)
def clock_ahead(site: Site) -> list[str]:
    site.world.service.clock = lambda: datetime.now(timezone.utc) - timedelta(minutes=30)
    return site.flags()


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("entry", broken, ids=name_of)
def test_the_first_line_says_the_cause_and_the_second_what_to_do(
    capsys: pytest.CaptureFixture[str], site: Site, entry: Broken
) -> None:
    check(capsys, site, entry)
    assert site.world.service.calls == []


# --- What works ----------------------------------------------------------------------------------------------------


def test_tls_and_a_proxy_that_are_right(capsys: pytest.CaptureFixture[str], site: Site, network: Network) -> None:
    url = network.front()
    proxied = network.proxy(url, user_info=f"user:{PASSWORD}@")
    outcome = run_here(capsys, *site.flags(endpoint=url, ca_bundle=network.ca_file()), *proxied)
    assert warnings_of(outcome, site) == []
    shown = site.shown(outcome.stdout)
    assert "ok       tls: the server's certificate is verified with the CA bundle 'DIR/ca.pem'" in shown
    assert "accepts connections, by the proxy http://127.0.0.1:" in shown
    assert PASSWORD not in shown


def test_a_clock_that_is_a_little_off(capsys: pytest.CaptureFixture[str], site: Site) -> None:
    site.world.service.clock = lambda: datetime.now(timezone.utc) + timedelta(minutes=2)
    ((message, hint),) = warnings_of(run_here(capsys, *site.flags()), site)
    assert message.startswith("this machine's clock is 1")
    assert "NTP" in hint


def test_a_server_that_tells_nothing_of_itself(
    capsys: pytest.CaptureFixture[str], site: Site, network: Network
) -> None:
    outcome = run_here(capsys, *site.flags(endpoint=network.serve(http(404))))
    assert (
        "warning  answer: nothing in the answer of 127.0.0.1 tells that it is the service (HTTP 404)" in outcome.stdout
    )
    assert first_lines(outcome)[0].startswith("CreateSession failed: HTTP 404")


def test_a_resolver_that_does_not_answer_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No resolver here keeps silent: the system's is held back until the test ends.
    monkeypatch.setattr(connecting, "_LONGEST_LOOKUP_SECONDS", 0)
    ended, look_up = threading.Event(), socket.getaddrinfo

    def held(host: str, *more: Any, **named: Any) -> Any:
        if host == "rolesanywhere.invalid":
            ended.wait(60)
        return look_up(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", held)
    cause, _ = first_lines(run_here(capsys, *site.flags(endpoint="https://rolesanywhere.invalid")))
    ended.set()
    assert "does not resolve (no answer within 0 s)" in cause


def test_a_server_that_never_answers_is_not_waited_for(
    capsys: pytest.CaptureFixture[str], site: Site, network: Network
) -> None:
    site.write_keys(endpoint_url=network.serve(lambda connection: connection.recv(1)), read_timeout_seconds=0.2)
    outcome: Outcome = run_here(capsys, "doctor", "--profile", "iam")
    assert "did not answer within 0.2 s" in first_lines(outcome)[0]
