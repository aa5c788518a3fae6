from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.clock import amz_date, require_aware, utc_now

EAST = timezone(timedelta(hours=9))


def test_now_is_aware_and_in_utc() -> None:
    before = datetime.now(timezone.utc)
    assert before <= utc_now() <= datetime.now(timezone.utc)
    assert utc_now().tzinfo is timezone.utc


def test_an_aware_time_becomes_utc() -> None:
    moment = require_aware(datetime(2026, 1, 1, 3, 0, tzinfo=EAST), "at")
    assert (moment, moment.tzinfo) == (datetime(2025, 12, 31, 18, 0, tzinfo=timezone.utc), timezone.utc)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), "2026-01-01T00:00:00Z", 1767225600, None])  # noqa: DTZ001 - naive on purpose
def test_what_nobody_can_place_is_refused_by_name(moment: object) -> None:
    with pytest.raises(ConfigurationError, match="the time of the signature"):
        require_aware(moment, "the time of the signature")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "moment", [datetime.min.replace(tzinfo=EAST), datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))]
)
def test_a_time_that_has_no_utc_is_refused(moment: datetime) -> None:
    with pytest.raises(ConfigurationError, match="at"):
        require_aware(moment, "at")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=timezone.utc), "20260102T030405Z"),
        (datetime(999, 12, 31, 23, 59, 59, tzinfo=timezone.utc), "09991231T235959Z"),
    ],
)
def test_amz_date(moment: datetime, text: str) -> None:
    assert amz_date(moment) == text
