"""TLS: who vouches for the server, and where nobody does, what the server showed."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography import x509

from ..certificates import name_text
from ..diagnosis import Cause
from ..transport import root_of
from .findings import BrokenStepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..errors import TransportError
    from .patient import Patient
    from .proxies import Proxy

# What OpenSSL calls X509_V_ERR_*.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = (62, 64)
_MOST_NAMES = 5
_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")


def check_tls(patient: Patient) -> str:
    """See that TLS was established, and with whom.

    Raises:
        BrokenStepError: The server's certificate is not believed, or there is no TLS.
    """
    if not patient.settings.url.startswith("https:"):
        return "none: plain HTTP, which stays on this machine"
    if patient.tls_error is None:
        off = patient.settings.verify is False
        return "not verified" if off else f"the server's certificate is verified with {_store(patient)}"
    root = root_of(patient.tls_error)
    if _is_about_the_bundle(root):
        raise _unusable_bundle(patient)
    if not isinstance(root, ssl.SSLCertVerificationError):
        raise _no_tls(patient, patient.tls_error)
    shown = _shown_certificate(patient)
    if root.verify_code in (_EXPIRED, _NOT_YET_VALID):
        raise _out_of_dates(patient, shown, is_over=root.verify_code == _EXPIRED)
    if root.verify_code in _OTHER_NAME:
        raise _another_host(patient, shown)
    raise _not_believed(patient, shown)


def _store(patient: Patient) -> str:
    """Return how messages name the CAs that are believed, in the order in which requests looks for them."""
    if not isinstance(patient.settings.verify, bool):
        return f"the CA bundle {os.fspath(patient.settings.verify)!r}"
    environment: Mapping[str, str] = os.environ
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environment.get(variable):
            return f"the CA bundle {environment[variable]!r} of {variable}"
    return "the list of public CAs (certifi)"


def _host(patient: Patient) -> str:
    return urlsplit(patient.settings.url).hostname or ""


def _is_about_the_bundle(root: BaseException) -> bool:
    # OpenSSL names the part of it that failed.
    return isinstance(root, ssl.SSLError) and root.library in ("X509", "PEM")


def _unusable_bundle(patient: Patient) -> BrokenStepError:
    return BrokenStepError(
        "ca-bundle-unusable",
        f"{_store(patient)} holds no certificate that can be read",
        "give a file with the CAs' certificates in PEM, one behind the other: -----BEGIN CERTIFICATE-----",
    )


def _no_tls(patient: Patient, error: TransportError) -> BrokenStepError:
    return BrokenStepError.of_causes(
        "no-tls",
        f"{_host(patient)} does not speak TLS as it should ({error.message.rpartition('failed: ')[2]})",
        [
            Cause("it speaks plain HTTP on this port", "correct the scheme or the port of endpoint_url (--endpoint)"),
            Cause("a proxy or firewall breaks into the handshake", "have it leave this host alone"),
        ],
    )


def _not_believed(patient: Patient, shown: x509.Certificate | None) -> BrokenStepError:
    issuer = "its issuer" if shown is None else name_text(shown.issuer)
    causes = []
    if not isinstance(patient.settings.verify, bool):
        causes.append(
            Cause(
                "the bundle is incomplete; it takes the place of the public CAs",
                "put the CA's certificate into the bundle, beside the public CAs where these are needed too",
            )
        )
    causes += [
        Cause(
            f"TLS is inspected on the way: a proxy or firewall shows certificates that {issuer} issues",
            "give the CA's certificate as --ca-bundle FILE, rolesanywhere_ca_bundle or AWS_CA_BUNDLE, once whoever "
            "runs the network confirms that it is theirs",
        ),
        Cause(
            "what answers is not the service: a wrong endpoint, or a name that leads elsewhere",
            f"openssl s_client -connect {_host(patient)}:443 -servername {_host(patient)} shows who answers",
        ),
    ]
    return BrokenStepError.of_causes(
        "tls-not-trusted",
        f"the certificate that {_host(patient)} shows was issued by {issuer}, which is not in {_store(patient)}",
        causes,
    )


def _out_of_dates(patient: Patient, shown: x509.Certificate | None, *, is_over: bool) -> BrokenStepError:
    verb = "expired" if is_over else "is not valid yet"
    when = ""
    if shown is not None:
        moment = shown.not_valid_after_utc if is_over else shown.not_valid_before_utc
        when = f" ({'until' if is_over else 'from'} {moment:%Y-%m-%d %H:%M:%S} UTC; it is "
        when += f"{patient.now():%Y-%m-%d %H:%M:%S} UTC here)"
    causes = [
        Cause(
            "the certificate was not renewed" if is_over else "the certificate was issued ahead of time",
            f"have whoever runs {_host(patient)}, or the proxy before it, put a valid one in its place",
        ),
        Cause(
            f"this machine's clock is {'ahead' if is_over else 'behind'}",
            "compare `date -u` with another machine, and set the clock by NTP",
        ),
    ]
    if _host(patient).endswith(_OF_AWS):
        causes.reverse()
    problem = f"the certificate that {_host(patient)} shows {verb}{when}"
    return BrokenStepError.of_causes("tls-out-of-dates", problem, causes)


def _another_host(patient: Patient, shown: x509.Certificate | None) -> BrokenStepError:
    names = ", ".join(_names(shown)) if shown is not None else "another host"
    return BrokenStepError.of_causes(
        "tls-other-host",
        f"the certificate that {_host(patient)} shows is for {names or 'no host at all'}",
        [
            Cause(
                "the service is reached under a name that is not its own",
                "give the name in the certificate as endpoint_url (--endpoint), or have the name added to it",
            ),
            Cause(
                "what answers is not the service: a captive portal, or a name that leads elsewhere",
                f"getent hosts {_host(patient)} shows where the name leads",
            ),
        ],
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]
    except Exception:  # noqa: BLE001 - whatever a stranger's certificate makes of the parser
        found = []
    return found[:_MOST_NAMES]


def _shown_certificate(patient: Patient) -> x509.Certificate | None:
    """Return the certificate that the server shows, believed or not; nothing is sent to it."""
    url = urlsplit(patient.settings.url)
    host, port = url.hostname or "", url.port or 443
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    proxy = patient.proxy
    connection = http.client.HTTPSConnection(
        host if proxy is None else proxy.host,
        port if proxy is None else proxy.port,
        timeout=patient.settings.connect_timeout_seconds,
        context=context,
    )
    if proxy is not None:
        connection.set_tunnel(host, port, _proxy_headers(proxy))
    try:
        connection.connect()
        der = connection.sock.getpeercert(binary_form=True)
        return None if der is None else x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001 - it serves the message alone
        return None
    finally:
        connection.close()


def _proxy_headers(proxy: Proxy) -> dict[str, str]:
    if proxy.user_info is None:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(':'.join(proxy.user_info).encode()).decode()}"}
