"""A company's PKI, made with the real openssl and with nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

CA_CONFIG = """\
[req]
prompt = no
string_mask = default
distinguished_name = subject

[subject]
C = KR
L = Seoul
O = Kimalarm Inc.

[ca]
default_ca = company

[company]
dir = .
database = index.txt
serial = serial.txt
crlnumber = crlnumber.txt
new_certs_dir = issued
default_md = sha512
default_days = 3650
policy = anything
unique_subject = no
x509_extensions = v3_ca

[anything]
countryName = optional
localityName = optional
organizationName = optional

[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign,digitalSignature
"""

CLIENT_EXTENSIONS = """\
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
"""


class OpenSslPki:
    """The CA and its client certificate, in one directory.

    Attributes:
        ca: What ``openssl ca -selfsign`` writes: a text form, and the PEM block after it.
        certificate: The client's, renewed by ``renew_client``.
        private_key: What ``openssl ecparam -genkey`` writes: EC PARAMETERS, and the key after them.
    """

    def __init__(self, openssl: str, directory: Path) -> None:
        self._openssl = openssl
        self._directory = directory
        self.ca = directory / "rootCA.pem"
        self.certificate = directory / "client.pem"
        self.private_key = directory / "client.key"
        (directory / "ca.cnf").write_text(CA_CONFIG)
        (directory / "client.ext").write_text(CLIENT_EXTENSIONS)
        (directory / "index.txt").touch()
        (directory / "serial.txt").write_text("01\n")
        (directory / "crlnumber.txt").write_text("01\n")
        (directory / "issued").mkdir()
        self._make_ca()
        self.renew_client()

    def run(self, command: str) -> str:
        """Run one openssl command in the directory of the PKI; return what it prints."""
        done = subprocess.run(
            [self._openssl, *command.split()],
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"openssl {command}: {done.stderr}"
        return done.stdout

    def _make_ca(self) -> None:
        self.run("ecparam -genkey -name secp384r1 -out rootCA.key")
        self.run("req -new -sha512 -config ca.cnf -key rootCA.key -out rootCA.csr")
        self.run("ca -batch -selfsign -config ca.cnf -keyfile rootCA.key -in rootCA.csr -out rootCA.pem")

    def renew_client(self) -> None:
        """Put a new certificate with a new key in the place of the old."""
        self.run("ecparam -genkey -name secp384r1 -out client.key")
        self.private_key.chmod(0o600)
        self.run("req -new -sha512 -config ca.cnf -key client.key -out client.csr")
        self.run(
            "x509 -req -sha512 -days 365 -in client.csr -CA rootCA.pem -CAkey rootCA.key -CAcreateserial "
            "-extfile client.ext -out client.pem"
        )

    def revoke_client(self) -> Path:
        """Revoke the client certificate; return where the CA's new revocation list is."""
        for task in ("-revoke client.pem", "-gencrl -crldays 7 -out crl.pem"):
            self.run(f"ca -config ca.cnf -keyfile rootCA.key -cert rootCA.pem {task}")
        return self._directory / "crl.pem"

    def serial_number(self) -> int:
        """Return the serial number of the client certificate as openssl tells it."""
        return int(self.run("x509 -in client.pem -noout -serial").strip().removeprefix("serial="), 16)

    def trust_policy(self, trust_anchor_arn: str) -> dict[str, Any]:
        """Return the trust policy of a role for the company's certificates, by way of one trust anchor."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {
                "StringEquals": {"aws:PrincipalTag/x509Subject/O": "Kimalarm Inc."},
                "ArnEquals": {"aws:SourceArn": trust_anchor_arn},
            },
        }
        return {"Version": "2012-10-17", "Statement": [statement]}
