"""The commands of the how-to page, one after the other, as a person would type them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rolesanywhere_signer.testing import LocalRolesAnywhere
from tests.tpm.software_tpm import SoftwareTpm

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-a-key-in-a-tpm.md"


def test_the_page_runs(tpm: SoftwareTpm, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    anchor, profile = (
        re.findall(rf"arn:aws:rolesanywhere:\S+:{kind}/\S+", text)[0] for kind in ("trust-anchor", "profile")
    )
    with LocalRolesAnywhere(region="ap-northeast-2") as service:
        # The CA is made by the page, and its certificate put in when it is there.
        making, rest = blocks[:2], blocks[2:]
        run("\n".join(making), tpm, tmp_path)
        service.create_trust_anchor((tmp_path / "dev-ca" / "ca.pem").read_bytes(), arn=anchor)
        service.create_profile(roles=[service.create_role("s3-reader")], arn=profile)
        script = "\n".join([blocks[0].splitlines()[0], *rest])
        printed = run(script.replace("role/s3-reader", f"role/s3-reader --endpoint {service.url}"), tpm, tmp_path)
        assert [call.status for call in service.calls] == [201]
    assert "ok: no errors, no warnings" in printed
    assert '"AccessKeyId":"ASIA' in printed
    assert len(re.findall(r'"?[0-9a-f]{138,512}"?', printed)) == 3


def run(script: str, tpm: SoftwareTpm, directory: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), tpm.environment["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**tpm.environment, "PATH": path},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
