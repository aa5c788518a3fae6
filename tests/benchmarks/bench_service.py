"""The local service itself: its start, sessions and control calls a second, and what many trust anchors cost."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rolesanywhere_signer import Identity, Request, SigV4X509Signer
from rolesanywhere_signer.testing import CertificateAuthority, HttpRequest, LocalRolesAnywhere

from .measure import time_calls, time_processes

_REGION = "us-east-1"
_HOST = "127.0.0.1:1"
_COUNTS = (1, 100, 10_000)
_START = """
from rolesanywhere_signer.testing import LocalRolesAnywhere
with LocalRolesAnywhere() as service:
    service.url
"""


def main() -> None:
    """Print the figures."""
    figures = time_processes({"start": ["-c", _START], "python": ["-c", ""]}, 11)
    print("The local service (median)")
    print(
        f"  process that starts it{(figures['start'].seconds) * 1e3:>10.1f} ms, of which Python "
        f"{figures['python'].seconds * 1e3:.1f} ms"
    )
    print(f"  its peak memory       {figures['start'].peak_mib:>10.1f} MiB")
    print(f"{'  trust anchors':<24}{'make one':>12}{'session':>12}{'sessions/s':>12}{'get':>10}{'list of 50':>12}")
    for count in _COUNTS:
        _print_growth(count)


def _print_growth(count: int) -> None:
    ca = CertificateAuthority()
    service = LocalRolesAnywhere(_REGION, limits=False)
    pem = ca.certificate_pem
    started = time.perf_counter()
    arns = [service.create_trust_anchor(pem).arn for _ in range(count)]
    making = (time.perf_counter() - started) / count * 1e6
    role = service.create_role("app")
    body = {
        "trustAnchorArn": arns[len(arns) // 2],
        "profileArn": service.create_profile([role]).arn,
        "roleArn": role.arn,
    }
    calls = {
        "session": _answers(service, _session_request(ca, json.dumps(body).encode()), 201),
        "get": _answers(service, _control_request(f"/trustanchor/{arns[-1].rpartition('/')[2]}"), 200),
        "list": _answers(service, _control_request("/trustanchors?pageSize=50"), 200),
    }
    times = time_calls(calls, rounds=10, repeat=20)
    print(
        f"  {count:<22}{making:>9.0f} us{times['session']:>9.0f} us{1e6 / times['session']:>12.0f}"
        f"{times['get']:>7.0f} us{times['list']:>9.0f} us"
    )


def _answers(service: LocalRolesAnywhere, request: HttpRequest, status: int) -> Callable[[], object]:
    def call() -> None:
        if service.respond(request).status != status:
            raise SystemExit(f"{request.target} is not answered with {status}")

    return call


def _session_request(ca: CertificateAuthority, body: bytes) -> HttpRequest:
    leaf = ca.issue("CN=app", key_type="P-256")
    identity = Identity.from_bytes(leaf.certificate_pem, leaf.private_key_pem)
    signer = SigV4X509Signer(identity, region=_REGION)
    signed = signer.sign(Request("POST", f"http://{_HOST}/sessions", {"Content-Type": "application/json"}, body))
    headers = {"Host": _HOST, **signed.headers}
    return HttpRequest("POST", "/sessions", tuple(headers.items()), body)


def _control_request(target: str) -> HttpRequest:
    request = AWSRequest("GET", f"http://{_HOST}{target}")
    SigV4Auth(Credentials("AKID", "secret"), "rolesanywhere", _REGION).add_auth(request)
    return HttpRequest("GET", target, (("Host", _HOST), *((n, str(v)) for n, v in request.headers.items())))


if __name__ == "__main__":
    sys.exit(main())
