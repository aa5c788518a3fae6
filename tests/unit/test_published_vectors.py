"""The published vectors: the library does what each says; the checker does not need it, and notices any change."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cryptography
import pytest
from requests.structures import CaseInsensitiveDict

from rolesanywhere_signer import (
    Identity,
    Request,
    ResponseError,
    RolesAnywhereError,
    ServiceError,
    SigV4X509Signer,
    ValidationReport,
    canonical,
    validate_certificate,
    validate_trust_anchor,
)
from rolesanywhere_signer.answers import parse_answer
from rolesanywhere_signer.transport import Answer

from .wire import verify_signature

FOLDER = Path(__file__).parents[1] / "vectors"
KNOWS_ML_DSA = int(cryptography.__version__.partition(".")[0]) >= 48
_MADE_BY_SIGNING = {"authorization", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"}

Vector = dict[str, Any]


def parameter(name: str, vector: Vector) -> Any:
    too_new = "ml-dsa" in name and not KNOWS_ML_DSA
    return pytest.param(vector, id=name, marks=pytest.mark.skipif(too_new, reason="this cryptography has no ML-DSA"))


def signed_requests() -> list[Any]:
    paths = sorted((FOLDER / "signing").glob("*.json"))
    return [parameter(path.stem, json.loads(path.read_text("utf-8"))) for path in paths]


def of_set(name: str) -> list[Any]:
    vectors = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
    return [parameter(vector["name"], vector) for vector in vectors]


def moment(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc)


class TestSigning:
    def signed(self, vector: Vector) -> Any:
        sent = vector["request"]
        headers = [(name, value) for name, value in sent["headers"] if name.lower() not in _MADE_BY_SIGNING]
        [host] = [value for name, value in headers if name == "Host"]
        scheme = "http" if host.startswith("localhost") else "https"
        request = Request(sent["method"], f"{scheme}://{host}{sent['target']}", headers, sent["body"])
        [date] = [value for name, value in sent["headers"] if name == "X-Amz-Date"]
        chain = vector["intermediates_pem"]
        identity = Identity.from_bytes(
            vector["certificate_pem"].encode(), vector["private_key_pem"].encode(), chain.encode() if chain else None
        )
        return SigV4X509Signer(identity, vector["region"]).sign(request, at=moment(date, "%Y%m%dT%H%M%SZ"))

    @pytest.mark.parametrize("vector", signed_requests())
    @pytest.mark.filterwarnings("ignore:Parsed a serial number")
    def test_the_library_signs_as_the_vector_does(self, vector: Vector) -> None:
        signed = self.signed(vector)
        assert signed.canonical_request == vector["canonical_request"]
        assert signed.string_to_sign == vector["string_to_sign"]
        ours, theirs = signed.headers["Authorization"], vector["authorization"]
        if not vector["signature_is_deterministic"]:
            verify(vector, ours)
            ours, theirs = ours.partition("Signature=")[0], theirs.partition("Signature=")[0]
        assert ours == theirs

    @pytest.mark.parametrize("vector", signed_requests())
    def test_the_stages_on_their_own_give_the_same(self, vector: Vector) -> None:
        sent = vector["request"]
        values: dict[str, list[str]] = {}
        for name, value in sent["headers"]:
            values.setdefault(name.lower(), []).append(canonical.canonical_header_value(value))
        signed = [(name, ",".join(values[name])) for name in vector["signed_headers"]]
        path, _, query = sent["target"].partition("?")
        request = canonical.canonical_request(
            sent["method"],
            canonical.canonical_path(path),
            canonical.canonical_query(query),
            signed,
            canonical.signed_header_names(signed),
            canonical.payload_hash(sent["body"].encode()),
        )
        assert request == vector["canonical_request"]


def verify(vector: Vector, authorization: str) -> None:
    algorithm, _, rest = authorization.partition(" ")
    identity = Identity.from_bytes(vector["certificate_pem"].encode(), vector["private_key_pem"].encode())
    key = identity.current.certificate.public_key()
    verify_signature(key, algorithm, bytes.fromhex(rest.partition("Signature=")[2]), vector["string_to_sign"].encode())


def check_findings(report: ValidationReport, vector: Vector) -> None:
    found = [{"code": each.code, "severity": each.severity, "subject": each.subject} for each in report.findings]
    order = ("subject", "code")
    assert sorted(found, key=lambda each: [each[name] for name in order]) == sorted(
        vector["findings"], key=lambda each: [each[name] for name in order]
    )


@pytest.mark.parametrize("vector", of_set("certificates"))
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
def test_the_library_finds_what_the_vector_says_of_a_certificate(vector: Vector) -> None:
    at, pem = moment(vector["at"], "%Y-%m-%dT%H:%M:%SZ"), vector["certificate_pem"].encode()
    if vector["role"] == "trust anchor":
        check_findings(validate_trust_anchor(pem, at), vector)
        return
    key = vector["private_key_pem"]
    check_findings(validate_certificate(pem, key and key.encode(), at=at), vector)


@pytest.mark.parametrize("vector", of_set("chains"))
def test_the_library_finds_what_the_vector_says_of_a_chain(vector: Vector) -> None:
    chain = vector["intermediates_pem"]
    report = validate_certificate(
        vector["certificate_pem"].encode(),
        None,
        chain and chain.encode(),
        vector["trust_anchor_pem"].encode(),
        moment(vector["at"], "%Y-%m-%dT%H:%M:%SZ"),
    )
    check_findings(report, vector)
    assert report.ok is vector["valid"]


@pytest.mark.parametrize("vector", of_set("answers"))
def test_the_library_understands_an_answer_as_the_vector_says(vector: Vector) -> None:
    answer = Answer(vector["status"], CaseInsensitiveDict(vector["headers"]), vector["body"].encode())
    with pytest.raises(RolesAnywhereError) as caught:
        parse_answer(answer, datetime(2027, 1, 1, tzinfo=timezone.utc))
    error = caught.value
    if isinstance(error, ResponseError):
        assert vector["expected"] == {"kind": error.code, "retryable": False}
        return
    assert isinstance(error, ServiceError)
    assert vector["expected"] == {
        "kind": error.code,
        "error_code": error.error_code,
        "message": error.service_message,
        "retryable": error.retryable,
        "retry_after_seconds": error.retry_after_seconds,
    }


def run_script(name: str, *words: str | Path) -> tuple[int, str]:
    """Run a script of the vectors, with nothing of this project on its path but what is installed."""
    command = [sys.executable, "-W", "error", str(FOLDER / name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


class TestTheChecker:
    def test_every_vector_passes(self) -> None:
        code, said = run_script("check.py")
        assert code == 0, said
        assert re.search(r"^[0-9]{3} passed", said, re.MULTILINE), said
        assert ("skipped" in said) is not KNOWS_ML_DSA

    def test_it_imports_nothing_of_ours(self) -> None:
        sources = [FOLDER / "check.py", *(FOLDER / "checks").glob("*.py")]
        imported = {
            found[1]
            for path in sources
            for found in re.finditer(r"^\s*(?:from|import) (\w+)", path.read_text("utf-8"), re.MULTILINE)
        }
        assert imported - sys.stdlib_module_names - {"cryptography"} == {"checks"}

    @pytest.mark.parametrize("empty", ["", "signing", "certificates.json"])
    def test_no_set_may_be_empty(self, tmp_path: Path, empty: str) -> None:
        code, said = run_script("check.py", tmp_path)
        assert code == 1
        assert f"FAILED {empty or 'sigv4_x509'}: there is no vector" in said

    def test_it_notices_any_change(self, tmp_path: Path) -> None:
        """Each member of a vector of each set is changed, one at a time, and none passes."""
        changed: dict[str, list[Vector]] = {"signing": []}
        signing = json.loads((FOLDER / "signing" / "chain-issuer-first.json").read_text("utf-8"))
        (tmp_path / "signing").mkdir()
        (tmp_path / "sigv4_x509").mkdir()
        for place, change in SIGNING_CHANGES.items():
            vector = copy.deepcopy(signing)
            change(vector)
            (tmp_path / "signing" / f"{place}.json").write_text(json.dumps(vector), "utf-8")
        count = len(SIGNING_CHANGES)
        for name, changes in LIST_CHANGES.items():
            vectors = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
            changed[name] = [dict(change(copy.deepcopy(vectors)), name=str(n)) for n, change in enumerate(changes)]
            (tmp_path / f"{name}.json").write_text(json.dumps({"vectors": changed[name]}), "utf-8")
            count += len(changes)
        code, said = run_script("check.py", tmp_path)
        assert code == 1
        # And the empty folder of the captured ones.
        assert said.strip().splitlines()[-1] == f"0 passed, {count + 1} failed", said


def set_member(*path: str | int, value: object) -> Callable[[Vector], None]:
    def change(vector: Vector) -> None:
        place: Any = vector
        for part in path[:-1]:
            place = place[part]
        assert place[path[-1]] != value
        place[path[-1]] = value

    return change


SIGNING_CHANGES: dict[str, Callable[[Vector], None]] = {
    "region": set_member("region", value="eu-west-1"),
    "service": set_member("service", value="sts"),
    "method": set_member("request", "method", value="PUT"),
    "target": set_member("request", "target", value="/session"),
    "body": set_member("request", "body", value="{}"),
    "header": set_member("request", "headers", 0, 1, value="localhost"),
    "signed headers": lambda vector: vector["signed_headers"].remove("content-type"),
    "intermediates": set_member("intermediates_pem", value=None),
    "canonical request": set_member("canonical_request", value=""),
    "string to sign": set_member("string_to_sign", value=""),
    "authorization": set_member("authorization", value=""),
    "deterministic": set_member("signature_is_deterministic", value=True),
    "signature": lambda vector: vector.update(
        authorization=vector["authorization"][:-1] + ("1" if vector["authorization"][-1] == "0" else "0")
    ),
}


def named(vectors: list[Vector], name: str, **changes: object) -> Vector:
    vector = next(each for each in vectors if each["name"] == name)
    assert any(vector[member] != value for member, value in changes.items())
    return {**vector, **changes}


LIST_CHANGES: dict[str, list[Callable[[list[Vector]], Vector]]] = {
    "certificates": [
        lambda them: named(
            them, "sound-ec-p256", findings=[{"code": "expired", "severity": "error", "subject": "leaf"}]
        ),
        lambda them: named(them, "no-key-usage", findings=[]),
        lambda them: named(them, "sound-ec-p256", at="2030-01-01T00:00:00Z"),
        lambda them: named(them, "sound-ec-p256", role="trust anchor"),
        lambda them: named(them, "private-key-wrong", private_key_pem=None),
        lambda them: named(them, "is-ca", certificate_pem=them[0]["certificate_pem"]),
    ],
    "chains": [
        lambda them: named(them, "two-intermediates", valid=False),
        lambda them: named(them, "two-intermediates", intermediates_pem=None),
        lambda them: named(them, "two-intermediates", trust_anchor_pem=them[-1]["trust_anchor_pem"]),
        lambda them: named(them, "one-bit", findings=[]),
        lambda them: named(them, "names-dns-outside", findings=[]),
        lambda them: named(them, "path-length-exceeded", findings=[]),
        lambda them: named(them, "six-intermediates", findings=[]),
        lambda them: named(them, "intermediate-expired", at="2026-08-01T00:00:00Z"),
    ],
    "answers": [
        lambda them: named(them, "invalid-signature", status=500),
        lambda them: named(them, "invalid-signature", headers=[]),
        lambda them: named(them, "invalid-signature", body=""),
        lambda them: named(them, "throttling-with-retry-after", headers=[]),
        lambda them: named(them, "success-empty", expected={"kind": "service", "retryable": True}),
    ],
}


@pytest.mark.skipif(not KNOWS_ML_DSA, reason="this cryptography has no ML-DSA")
def test_the_generator_makes_the_same_again() -> None:
    assert run_script("generate.py", "--check") == (0, "")


class TestTheDescription:
    README = (FOLDER / "README.md").read_text("utf-8")

    @pytest.mark.parametrize("place", ["signing/ec-p256.json", "certificates.json", "chains.json", "answers.json"])
    def test_every_member_is_in_it(self, place: str) -> None:
        content = json.loads((FOLDER / place).read_text("utf-8"))
        members = content if place.startswith("signing") else content["vectors"][0]
        for member in members:
            assert f"`{member}`" in self.README

    def test_every_code_and_kind_is_in_it(self) -> None:
        for name in ("certificates", "chains"):
            for vector in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]:
                for finding in vector["findings"]:
                    assert f"`{finding['code']}`" in self.README
        for vector in json.loads((FOLDER / "answers.json").read_text("utf-8"))["vectors"]:
            assert f"`{vector['expected']['kind']}`" in self.README

    def test_no_two_vectors_have_one_name(self) -> None:
        for name in ("certificates", "chains", "answers"):
            vectors = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["vectors"]
            assert len({vector["name"] for vector in vectors}) == len(vectors)

    def test_the_page_tells_how_many_there_are(self) -> None:
        page = (FOLDER.parents[1] / "docs" / "reference" / "test-vectors.md").read_text("utf-8")
        rows = {name: int(count) for name, count in re.findall(r"\| `([^`]+)` \|.*\| (\d+) \|", page)}
        for place, count in rows.items():
            path = FOLDER / place
            vectors = path.glob("*.json") if path.is_dir() else json.loads(path.read_text("utf-8"))["vectors"]
            assert len(list(vectors)) == count, place
        assert len(rows) == 5

    def test_they_stay_small(self) -> None:
        assert sum(path.stat().st_size for path in FOLDER.rglob("*.json")) < 600_000
