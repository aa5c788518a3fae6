"""A boto3 session with an ML-DSA key, from CreateSession to a call that the credentials sign."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from rolesanywhere_signer import create_botocore_session
from rolesanywhere_signer.testing import CertificateAuthority, LocalRolesAnywhere
from tests.support.ml_dsa import KEYS, NAMES, PASSPHRASE, encrypted, needs_ml_dsa, pem


@needs_ml_dsa
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("of_ca", ["ML-DSA-87", "P-256"])
def test_end_to_end(tmp_path: Path, name: str, of_ca: str) -> None:
    ca = CertificateAuthority("CN=Root", key_type=of_ca).issue_ca("CN=Lower", key_type="ML-DSA-44")
    issued = ca.issue("CN=app", private_key=pem(KEYS[name].as_seed))
    (tmp_path / "full-chain.pem").write_bytes(issued.full_chain_pem)
    (tmp_path / "key.pem").write_bytes(pem(encrypted(KEYS[name].as_both), "ENCRYPTED PRIVATE KEY"))
    (tmp_path / "key.pem").chmod(0o600)
    with LocalRolesAnywhere(region="eu-central-1") as service:
        role = service.create_role("reader")
        session = boto3.Session(
            botocore_session=create_botocore_session(
                certificate=tmp_path / "full-chain.pem",
                private_key=tmp_path / "key.pem",
                passphrase=PASSPHRASE,
                trust_anchor_arn=service.create_trust_anchor(ca.certificate_pem).arn,
                profile_arn=service.create_profile([role]).arn,
                role_arn=role.arn,
                endpoint_url=service.url,
            ),
            region_name="eu-central-1",
        )
        caller = session.client("sts", endpoint_url=service.url).get_caller_identity()
    assert caller["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/reader/")
    [call] = service.calls
    [authorization] = call.request.values("authorization")
    assert authorization.startswith("AWS4-X509-MLDSA ")
