"""Region to service URL: partitions, FIPS, dual-stack, a custom URL.

The table holds the facts of botocore's partitions data; a test compares the two for every region that botocore knows.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from .arn import check_region
from .errors import ConfigurationError

# A name or an IPv4 address, or an IPv6 address in brackets; a port.
_NETLOC = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")


class _Partition(NamedTuple):
    regions: str
    suffix: str
    dualstack_suffix: str


_COMMERCIAL = _Partition(r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+|aws-global", "amazonaws.com", "api.aws")
_PARTITIONS = (
    _COMMERCIAL,
    _Partition(r"cn-\w+-\d+|aws-cn-global", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    _Partition(r"us-gov-\w+-\d+|aws-us-gov-global", "amazonaws.com", "api.aws"),
    _Partition(r"eusc-(de)-\w+-\d+", "amazonaws.eu", "api.amazonwebservices.eu"),
    _Partition(r"us-iso-\w+-\d+|aws-iso-global", "c2s.ic.gov", "api.aws.ic.gov"),
    _Partition(r"us-isob-\w+-\d+|aws-iso-b-global", "sc2s.sgov.gov", "api.aws.scloud"),
    _Partition(r"eu-isoe-\w+-\d+|aws-iso-e-global", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    _Partition(r"us-isof-\w+-\d+|aws-iso-f-global", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
)


def service_url(region: str, *, fips: bool = False, dualstack: bool = False, endpoint_url: str | None = None) -> str:
    """Return the base URL of the service, without a slash at its end.

    Args:
        region: Such as ``ap-northeast-2``; one that no partition knows is taken for a commercial one, as the SDKs do.
        fips: Use the FIPS endpoint.
        dualstack: Use the endpoint that answers over IPv6 too.
        endpoint_url: A URL that replaces all of it.

    Raises:
        ConfigurationError: A bad region or URL, plain HTTP to another machine, or a URL together with a variant.
    """
    if endpoint_url is not None:
        if fips or dualstack:
            raise ConfigurationError("endpoint_url cannot be combined with use_fips_endpoint or use_dualstack_endpoint")
        return check_endpoint_url(endpoint_url)
    return _regional_url("rolesanywhere", region, fips=fips, dualstack=dualstack)


def sts_url(region: str, *, fips: bool = False, dualstack: bool = False) -> str:
    """Return the base URL of STS in a region, without a slash at its end.

    Raises:
        ConfigurationError: A bad region.
    """
    # In these regions STS is FIPS by its plain name.
    plain = region.startswith("us-gov-") and not dualstack
    return _regional_url("sts", region, fips=fips and not plain, dualstack=dualstack)


def _regional_url(service: str, region: str, *, fips: bool, dualstack: bool) -> str:
    check_region(region)
    partition = next((known for known in _PARTITIONS if re.fullmatch(known.regions, region)), _COMMERCIAL)
    suffix = partition.dualstack_suffix if dualstack else partition.suffix
    return f"https://{service}{'-fips' if fips else ''}.{region}.{suffix}"


def check_endpoint_url(endpoint_url: str) -> str:
    """Return a URL that was given for a service, without a slash at its end.

    Raises:
        ConfigurationError: It cannot be used, holds a password, or is plain HTTP to another machine.
    """
    parts = _split_url(endpoint_url)
    if parts.query or parts.fragment or "?" in endpoint_url or "#" in endpoint_url:
        raise ConfigurationError(f"endpoint_url {endpoint_url!r} has a query or a fragment; give the base URL alone")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"endpoint_url {endpoint_url!r} is plain HTTP to another machine",
            hint="use https; credentials travel in clear otherwise. Plain HTTP is for loopback addresses only",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _split_url(endpoint_url: str) -> SplitResult:
    if not isinstance(endpoint_url, str):
        raise ConfigurationError(f"endpoint_url must be text, not {type(endpoint_url).__name__}")
    if not endpoint_url.isascii() or not endpoint_url.isprintable() or " " in endpoint_url:
        raise ConfigurationError("endpoint_url holds a space or a character that no URL has")
    try:
        parts = urlsplit(endpoint_url)
        usable = parts.scheme in ("http", "https") and parts.port != 0 and bool(_NETLOC.fullmatch(parts.netloc))
    except ValueError:
        # The cause shows parts of the URL, and one of them may be a password.
        raise ConfigurationError("endpoint_url cannot be parsed as a URL") from None
    if parts.username is not None or parts.password is not None:
        # Not echoed: what stands before the @ is a secret.
        raise ConfigurationError("endpoint_url holds a user name or password; the service knows none")
    if not usable:
        raise ConfigurationError("endpoint_url must look like https://host or http://127.0.0.1:port")
    return parts


def is_loopback(host: str) -> bool:
    """Return whether ``host`` (a name or an address, without brackets) is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
