"""A local endpoint: latencies at rest and at the refresh moment, its memory, and the time to its first answer."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rolesanywhere_signer.assembly import make_refresher
from rolesanywhere_signer.client import RolesAnywhereClient
from rolesanywhere_signer.identity import Identity
from rolesanywhere_signer.serve.container import container_app
from rolesanywhere_signer.serve.listening import listen_tcp, parse_bind_address
from rolesanywhere_signer.serve.running import running
from rolesanywhere_signer.serve.supplier import Supplier
from rolesanywhere_signer.settings import Settings
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere

CLIENTS = 100
TOKEN = "a-token-of-the-benchmark"
SERVICE_SECONDS = 0.5


def request(path: str, header: str = "", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode()


def ask(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    answer = b""
    while True:
        answer += connection.recv(65536)
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            return answer


def timed(call: Callable[[], object], times: int) -> list[float]:
    """Return how long each of so many calls took, in milliseconds."""
    samples = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        samples.append((time.perf_counter() - started) * 1000)
    return samples


def row(name: str, samples: list[float]) -> None:
    ordered = sorted(samples)
    print(
        f"  {name:<44}{statistics.median(ordered):>8.2f}{ordered[int(len(ordered) * 0.99)]:>8.2f}{ordered[-1]:>8.2f} ms"
    )


class Site:
    """A service, a certificate, and what leads to both."""

    def __init__(self, service: LocalRolesAnywhere, directory: Path) -> None:
        ca = CertificateAuthority()
        self.certificate, self.key, _ = ca.issue("CN=app").write(directory)
        role = service.create_role("app")
        profile = service.create_profile(roles=[role])
        anchor = service.create_trust_anchor(ca.certificate_pem)
        self.arns = {"trust-anchor-arn": anchor.arn, "profile-arn": profile.arn, "role-arn": role.arn}
        self.url = service.url

    @property
    def words(self) -> list[str]:
        files = ["--certificate", str(self.certificate), "--private-key", str(self.key), "--endpoint", self.url]
        return [*files, *(word for name, arn in self.arns.items() for word in (f"--{name}", arn))]

    def settings(self) -> Settings:
        return Settings(*self.arns.values(), endpoint_url=self.url)


def measure_program(site: Site) -> None:
    """Print the figures of the program as users start it."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "rolesanywhere_signer", "serve", *site.words, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        while "started on port" not in (line := program.stderr.readline()):
            assert line
        address = ("127.0.0.1", int(line.rpartition(" ")[2]))
        first = (time.perf_counter() - started) * 1000
        with socket.create_connection(address) as connection:
            token = ask(connection, request("/latest/api/token", method="PUT")).rpartition(b"\r\n")[2].decode()
            wanted = request("/latest/meta-data/iam/security-credentials/app", f"X-aws-ec2-metadata-token: {token}\r\n")
            row("at rest, IMDS, a kept connection", timed(lambda: ask(connection, wanted), 3000))

        def anew() -> None:
            with socket.create_connection(address) as connection:
                ask(connection, wanted)

        row("at rest, IMDS, a connection for each", timed(anew, 1000))
        with ThreadPoolExecutor(CLIENTS) as pool:
            samples = pool.map(lambda _: timed(anew, 20), range(CLIENTS))
            row(f"at rest, IMDS, {CLIENTS} clients at once", [each for some in samples for each in some])
        status = Path(f"/proc/{program.pid}/status")
        peak = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
        program.terminate()
    print(f"  from the start of the program to the first answer: {first:.0f} ms")
    if peak:
        print(f"  peak memory of the program: {int(peak[1]) / 1024:.1f} MiB")


class Clock:
    """Goes on by itself, and ahead where it is told to."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead


def measure_refresh_moment(site: Site, service: LocalRolesAnywhere) -> None:
    """Print the latencies of clients that all come when the credentials are due, and the service is slow."""
    clock = Clock()
    service.clock = clock
    client = RolesAnywhereClient(site.settings(), Identity.from_files(site.certificate, site.key), clock)
    really = client.create_session

    def slowly() -> object:
        time.sleep(SERVICE_SECONDS)
        return really()

    client.create_session = slowly  # type: ignore[method-assign,assignment]
    supplier = Supplier("app", make_refresher(client, None, ()), clock)
    listener = listen_tcp(parse_bind_address("127.0.0.1"), 0, 64)
    wanted = request("/app", f"Authorization: {TOKEN}\r\n")
    with running(container_app({"/app": supplier}, TOKEN), [supplier], listener):
        address = listener.socket.getsockname()
        for name, minutes in (("in the window", 46), ("in the last minute", 59.5 + 46)):
            before = len(service.calls)
            barrier = threading.Barrier(CLIENTS)

            def at_once(_number: int, barrier: threading.Barrier = barrier) -> float:
                with socket.create_connection(address) as connection:
                    barrier.wait()
                    return timed(lambda: ask(connection, wanted), 1)[0]

            clock.ahead = timedelta(minutes=minutes)
            with ThreadPoolExecutor(CLIENTS) as pool:
                row(f"{CLIENTS} clients {name}", list(pool.map(at_once, range(CLIENTS))))
            time.sleep(SERVICE_SECONDS * 2)
            print(f"    calls of the service, {SERVICE_SECONDS} s each: {len(service.calls) - before}")


def main() -> None:
    """Print the figures."""
    print("serve, on loopback                               median     p99     max")
    with tempfile.TemporaryDirectory() as directory, LocalRolesAnywhere() as service:
        site = Site(service, Path(directory))
        measure_program(site)
        measure_refresh_moment(site, service)


if __name__ == "__main__":
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    sys.exit(main())
