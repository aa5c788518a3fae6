"""What answered: the service or somebody in its place, and what its clock says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..answers import answer_date, answer_request_id
from ..diagnosis import TELLING_SKEW, Cause, clock_text
from .findings import BrokenStepError

if TYPE_CHECKING:
    from .patient import Patient

# In most cases a request must reach AWS within five minutes of its time stamp.
_REFUSED_SKEW = timedelta(minutes=5)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


def check_answer(patient: Patient) -> str:
    """See that what answered an unsigned GET is the service.

    Raises:
        BrokenStepError: It is a proxy, a portal, or another server.
    """
    answer = patient.answer
    host = urlsplit(patient.settings.url).hostname
    if answer_request_id(answer) is not None:
        return f"the service at {host} (HTTP {answer.status})"
    if answer.status == 407:
        raise BrokenStepError(
            "proxy-wants-password",
            f"a proxy that answers in place of {host} wants a user name and a password (407)",
            "write them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT, with @ : / # ? percent-encoded",
        )
    if 300 <= answer.status < 400:
        target = urlsplit(answer.headers.get("Location", "")[:500])
        where = f" to {target.hostname}" if target.hostname else ""
        raise BrokenStepError.of_causes(
            "not-the-service", f"{host} sends away{where} (HTTP {answer.status})", _others()
        )
    if _is_html(patient):
        found = _TITLE.search(answer.body)
        title = f", titled {found[1].decode('utf-8', 'replace').strip()[:80]!r}" if found else ""
        raise BrokenStepError.of_causes(
            "not-the-service",
            f"an HTML page answers at {host} in place of the service (HTTP {answer.status}{title})",
            _others(),
        )
    patient.remark(
        f"nothing in the answer of {host} tells that it is the service (HTTP {answer.status})",
        "if what follows fails, see who answers there: a proxy, or another server than the service",
    )
    return f"a server at {host} (HTTP {answer.status})"


def _is_html(patient: Patient) -> bool:
    kind = patient.answer.headers.get("Content-Type", "")
    return "html" in kind.lower() or patient.answer.body.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))


def _others() -> list[Cause]:
    return [
        Cause(
            "a proxy, a firewall or a captive portal answers",
            "have whoever runs the network let this host through, or set the HTTPS_PROXY that it wants",
        ),
        Cause("the endpoint is another server", "leave endpoint_url (--endpoint) out, or correct it"),
    ]


def check_clock(patient: Patient) -> str:
    """Compare this machine's clock with the date of the answer.

    Raises:
        BrokenStepError: It is off by so much that the service refuses signatures.
    """
    date = answer_date(patient.answer)
    if date is None:
        patient.skew = None
        return "not compared: the answer has no date"
    patient.skew = date - patient.answered_at
    if abs(patient.skew) >= _REFUSED_SKEW:
        raise BrokenStepError(
            "clock-wrong",
            f"{clock_text(patient.skew)}, and signatures more than five minutes off are refused",
            "set the clock by NTP: timedatectl set-ntp true",
        )
    if abs(patient.skew) >= TELLING_SKEW:
        patient.remark(clock_text(patient.skew), "set the clock by NTP: timedatectl set-ntp true")
    return f"within {max(1, round(abs(patient.skew).total_seconds()))} s of the service's"
