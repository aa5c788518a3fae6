"""STS GetCallerIdentity, signed by botocore and sent as CreateSession is: the same time-outs, proxies and TLS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ServiceError
from ..signer import SignedRequest
from ..transport import Transport

if TYPE_CHECKING:
    from ..credentials import Credentials
    from ..settings import Settings
    from ..transport import Answer

_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


def get_caller_identity(credentials: Credentials, url: str, settings: Settings) -> str:
    """Return the ARN of whom the credentials stand for.

    Args:
        credentials: Which.
        url: Of STS, without a slash at its end.
        settings: How the call is sent, and the region that it is signed for.

    Raises:
        TransportError: No answer came.
        ServiceError: STS refuses, or what answers is not STS.
    """
    answer = Transport().send(_sign(credentials, f"{url}/", settings.signing_region), settings)
    arn = _element(answer, "Arn")
    if answer.status == 200 and arn is not None:
        return arn
    code, said = _element(answer, "Code"), _element(answer, "Message")
    raise ServiceError(
        f"{code or f'HTTP {answer.status}'}: {said or 'no answer of STS'}",
        status=answer.status,
        error_code=code,
        service_message=said,
    )


def _sign(credentials: Credentials, url: str, region: str) -> SignedRequest:
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - the walk begins without botocore
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - the same

    from ..assume_role import kept_out_of_logs  # noqa: PLC0415 - the same
    from ..frozen import freeze  # noqa: PLC0415 - the same

    headers = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Accept-Encoding": "identity",
    }
    request = AWSRequest(method="POST", url=url, data=_BODY, headers=headers)
    with kept_out_of_logs():
        SigV4Auth(freeze(credentials), "sts", region).add_auth(request)
    return SignedRequest("POST", url, dict(request.headers.items()), _BODY, "", "")


def _element(answer: Answer, name: str) -> str | None:
    """Return the text of the first element of a name; the answers are too plain for more of XML."""
    found = re.search(rf"<{name}>([^<>&]{{1,400}})</{name}>", answer.body.decode("utf-8", "replace"))
    return None if found is None else found[1]
