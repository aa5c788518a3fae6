"""``credential-process`` as a whole process, cold and from the cache, beside console scripts that do less."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from rolesanywhere_signer.testing import CertificateAuthority

from .measure import time_processes
from .tls_service import tls_service

# Console scripts as pip writes them import re and sys.
_EMPTY = """
import re
import sys
def main():
    return 0
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
_IMPORTS = _EMPTY.replace("import sys\n", "import sys\nimport cryptography.x509\nimport requests\n", 1)


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as directory, tls_service(Path(directory)) as (service, host, server_ca):
        os.environ["HOME"] = directory
        ca = CertificateAuthority()
        ca.issue("CN=app").write(Path(directory))
        role = service.create_role("app")
        empty, imports = Path(directory, "empty.py"), Path(directory, "imports.py")
        empty.write_text(_EMPTY)
        imports.write_text(_IMPORTS)
        cold = [
            str(Path(sysconfig.get_path("scripts"), "rolesanywhere-signer")),
            "credential-process",
            *("--certificate", str(Path(directory, "certificate.pem"))),
            *("--private-key", str(Path(directory, "private-key.pem"))),
            *("--trust-anchor-arn", service.create_trust_anchor(ca.certificate_pem).arn),
            *("--profile-arn", service.create_profile(roles=[role]).arn, "--role-arn", role.arn),
            *("--endpoint", f"https://{host}", "--ca-bundle", str(server_ca)),
        ]
        time.sleep(0.5)  # files that have just changed are not relied on
        figures = time_processes(
            {
                "empty script": [str(empty)],
                "from the cache": [*cold, "--cache"],
                "importing script": [str(imports)],
                "cold": cold,
            },
            runs,
        )
    print("credential-process (median; ratio of the times to the empty script, or to the importing one)")
    for name, figure in figures.items():
        floor = figures["importing script" if name in ("importing script", "cold") else "empty script"]
        ratio = figure.seconds / floor.seconds
        print(f"  {name:<20}{figure.seconds * 1000:>8.1f} ms{ratio:>7.2f}{figure.peak_mib:>8.1f} MiB")


if __name__ == "__main__":
    main()
