"""A TPM in software (swtpm), and keys in it, made by the tools that people make them with."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import load_pem_public_key

TOOLS = ("swtpm", "tpm2_createprimary", "tpm2_encodeobject", "openssl")
# Enough for all the wrong passwords of the tests; the TPM forgets one each second.
MOST_FAILURES = 200
_ATTEMPTS = 10
# Of these, tpm2_readpublic tells the public half to others.
_HAS_PEM = re.compile("rsa|ecc[0-9]")


class MadeKey(NamedTuple):
    """A key, and how it is given.

    Attributes:
        source: A handle, or the path of a key file.
        public_key: As the tool that made it says.
    """

    source: str
    public_key: object


class SoftwareTpm:
    """A TPM in software that runs; one program at a time may talk to it, as with a device without a resource manager.

    Attributes:
        tcti: How it is reached.
        directory: For what the tools write.
    """

    def __init__(self, port: int, directory: Path) -> None:
        self._listen_at(port)
        self.directory = directory
        self._count = 0
        self._handle = 0x81000000

    def _listen_at(self, port: int) -> None:
        self.port = port
        self.tcti = f"swtpm:host=127.0.0.1,port={port}"

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Let the TPM run, with what was in it, for as long as the block does; at another port."""
        for _ in range(_ATTEMPTS):
            self._listen_at(_free_port())
            process = _start(self.directory / "state", self.port)
            try:
                if not _answers(self, process):
                    continue  # somebody else took one of the ports
                yield
                return
            finally:
                process.terminate()
                process.wait(30)
        raise AssertionError("swtpm does not start")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TPM2TOOLS_TCTI": self.tcti, "TPM2OPENSSL_TCTI": self.tcti}

    def run(self, *words: str) -> str:
        """Run a tool in the directory and return what it printed."""
        done = subprocess.run(
            words, env=self.environment, cwd=self.directory, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def new_name(self) -> str:
        self._count += 1
        return f"key{self._count}"

    def parent(self, algorithm: str = "ecc256", password: str | None = None) -> str:
        """Make a storage key persistent, and return its handle."""
        name = self.new_name()
        protection = ["-p", password] if password else []
        self.run("tpm2_createprimary", "-Q", "-C", "o", "-G", algorithm, "-c", f"{name}.ctx", *protection)
        return self.persist(f"{name}.ctx")

    def persist(self, context: str) -> str:
        self._handle += 1
        handle = f"0x{self._handle:08x}"
        self.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", context, handle)
        self.flush()
        return handle

    def flush(self) -> None:
        """Remove what the tools have left."""
        for what in ("-t", "-l", "-s"):
            self.run("tpm2_flushcontext", what)

    def forget(self) -> None:
        """Remove every persistent key: a TPM has little room for them."""
        for handle in re.findall("0x81[0-9A-Fa-f]{6}", self.run("tpm2_getcap", "handles-persistent")):
            self.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", handle)
        self.flush()

    def _created(self, parent: str, algorithm: str, password: str | None, attributes: str | None) -> str:
        name = self.new_name()
        self.run(
            *("tpm2_create", "-Q", "-C", parent, "-G", algorithm, "-u", f"{name}.pub", "-r", f"{name}.priv"),
            *(["-p", password] if password else []),
            *(["-a", attributes] if attributes else []),
        )
        return name

    def key_at_handle(
        self, algorithm: str = "ecc256", password: str | None = None, *, attributes: str | None = None
    ) -> MadeKey:
        """Make a key and let it stay in the TPM."""
        name = self._created(self.parent(), algorithm, password, attributes)
        self.run(
            "tpm2_load", "-Q", "-C", f"0x{self._handle:08x}", "-u", f"{name}.pub", "-r", f"{name}.priv", "-c", name
        )
        handle = self.persist(name)
        public = None
        if _HAS_PEM.match(algorithm):
            self.run("tpm2_readpublic", "-Q", "-c", handle, "-f", "pem", "-o", f"{name}.pem")
            public = load_pem_public_key((self.directory / f"{name}.pem").read_bytes())
        self.flush()
        return MadeKey(f"handle:{handle}", public)

    def another_key_there(self) -> MadeKey:
        """Make another key, without a password, in the place of the one that was made last."""
        self.forget()
        self._handle -= 2
        return self.key_at_handle()

    def encoded_file(
        self,
        algorithm: str = "ecc256",
        password: str | None = None,
        *,
        parent: str | None = None,
        attributes: str | None = None,
    ) -> Path:
        """Make a key under a persistent parent, and let tpm2_encodeobject write its file.

        Older ones write the opposite of whether there is a password.
        """
        parent = parent or self.parent()
        name = self._created(parent, algorithm, password, attributes)
        self.run(
            *("tpm2_encodeobject", "-C", parent, "-u", f"{name}.pub", "-r", f"{name}.priv", "-o", f"{name}.pem"),
            *(["-p"] if password else []),
        )
        self.flush()
        return self.directory / f"{name}.pem"

    def encoded_file_under_protected_parent(self, password: str) -> Path:
        """Make a key whose parent has a password."""
        parent, name = self.parent(password=password), self.new_name()
        self.run("tpm2_create", "-Q", "-C", parent, "-P", password, "-u", f"{name}.pub", "-r", f"{name}.priv")
        self.run(
            *("tpm2_encodeobject", "-C", parent, "-P", password),
            *("-u", f"{name}.pub", "-r", f"{name}.priv", "-o", f"{name}.pem"),
        )
        self.flush()
        return self.directory / f"{name}.pem"

    def openssl_file(self, *options: str, password: str | None = None) -> MadeKey:
        """Let OpenSSL make a key under the owner's primary key, or the parent that ``options`` name."""
        name = self.new_name()
        protection = ["-pkeyopt", f"user-auth:{password}"] if password else []
        provider = ("-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2")
        self.run("openssl", "genpkey", *provider, *options, *protection, "-out", f"{name}.pem")
        asked = ["-passin", f"pass:{password}"] if password else []
        self.run("openssl", "pkey", *provider, "-in", f"{name}.pem", *asked, "-pubout", "-out", f"{name}.pub.pem")
        self.flush()
        public = load_pem_public_key((self.directory / f"{name}.pub.pem").read_bytes())
        return MadeKey(str(self.directory / f"{name}.pem"), public)

    def leftovers(self) -> str:
        """Return what lies in the TPM that somebody forgot: transient objects and sessions."""
        return "".join(
            self.run("tpm2_getcap", what)
            for what in ("handles-transient", "handles-loaded-session", "handles-saved-session")
        )

    def failures(self) -> int:
        """Return how many wrong passwords the TPM has counted."""
        told = self.run("tpm2_getcap", "properties-variable")
        found = re.search(r"TPM2_PT_LOCKOUT_COUNTER: 0x([0-9A-F]+)", told)
        assert found, told
        return int(found[1], 16)

    def bear(self, most_failures: int) -> None:
        """Let the TPM lock itself after so many wrong passwords, and forget those that there were."""
        self.run("tpm2_dictionarylockout", "-c")
        self.run("tpm2_dictionarylockout", "-s", "-n", str(most_failures), "-t", "1000", "-l", "1000")


@contextlib.contextmanager
def software_tpm(directory: Path) -> Iterator[SoftwareTpm]:
    """Run a new TPM for as long as the block does; nobody has to start it."""
    (directory / "state").mkdir(parents=True)
    tpm = SoftwareTpm(0, directory)
    with tpm.again():
        tpm.bear(MOST_FAILURES)
        yield tpm


def _start(state: Path, port: int) -> subprocess.Popen[bytes]:
    # The library expects the control channel at the next port.
    return subprocess.Popen(
        [
            *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init,startup-clear"),
            *("--ctrl", f"type=tcp,port={port + 1},bindaddr=127.0.0.1"),
            *("--server", f"type=tcp,port={port},bindaddr=127.0.0.1"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _answers(tpm: SoftwareTpm, process: subprocess.Popen[bytes]) -> bool:
    for _ in range(200):
        if process.poll() is not None:
            return False
        done = subprocess.run(
            ["tpm2_getcap", "handles-transient"], env=tpm.environment, capture_output=True, check=False, timeout=60
        )
        if done.returncode == 0:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def skip_without_tools() -> None:
    """Skip where something is missing that TPMs and their keys are made with."""
    import pytest  # the benchmarks do without

    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not on PATH (Debian: swtpm, tpm2-tools, openssl)")
    done = subprocess.run(
        ["openssl", "list", "-providers", "-provider", "tpm2"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TPM2OPENSSL_TCTI": "device:/dev/null"},
    )
    if "could not load the shared library" in done.stderr:
        pytest.skip("the OpenSSL provider tpm2 is missing (Debian: tpm2-openssl)")
