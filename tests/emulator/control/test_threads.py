"""Many at once: the limits and the aliases hold, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rolesanywhere_signer.testing import HttpResponse, LocalRolesAnywhere
from tests.emulator.control.world import HAS_ALIASES, bundle, send
from tests.emulator.signing import NOW
from tests.emulator.world import CA, LEAF, content

THREADS, CALLS = 8, 80


def together(call: Any) -> list[HttpResponse]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(CALLS)))


def test_a_limit_and_an_alias_are_reached_once() -> None:
    service = LocalRolesAnywhere()
    alias = {"aliasName": "one"} if HAS_ALIASES else {}
    answers = together(
        lambda n: send(
            service, "POST", "/trustanchors", {"name": f"n{n}", "source": bundle(), **(alias if n % 2 else {})}
        )
    )
    made = [content(answer)["trustAnchor"] for answer in answers if answer.status == 201]
    listed = content(send(service, "GET", "/trustanchors?pageSize=1000"))["trustAnchors"]
    assert sorted(each["trustAnchorArn"] for each in listed) == sorted(each["trustAnchorArn"] for each in made)
    assert len(made) <= 50
    assert len([each for each in made if "aliasName" in each]) == (1 if HAS_ALIASES else 0)


def test_no_change_is_lost() -> None:
    service = LocalRolesAnywhere()
    arn = service.create_trust_anchor(CA.certificate_pem).arn
    tag = {"resourceArn": arn}
    answers = together(
        lambda n: send(service, "POST", "/TagResource", {**tag, "tags": [{"key": f"k{n % 50}", "value": ""}]})
    )
    assert {answer.status for answer in answers} == {201}
    assert len(service._account.trust_anchor(arn).tags) == 50  # type: ignore[union-attr]


def test_a_subject_is_made_once() -> None:
    service = LocalRolesAnywhere()
    with ThreadPoolExecutor(THREADS) as pool:
        subjects = pool.map(lambda _: service._account.record_subject(LEAF.certificate, NOW), range(CALLS))
        assert len({subject.arn for subject in subjects}) == 1
    assert len(service._account.subjects) == 1
