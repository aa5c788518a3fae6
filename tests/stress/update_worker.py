"""A process that writes a credentials file, or reads it; run by the tests beside it.

Usage: update_worker.py write PATH PROFILE | read PATH ORIGINAL

Both go on until they are killed, or until standard input ends; a writer then tells its last key, a reader how often it
has read. A reader that has seen half a file ends with 1.
"""

from __future__ import annotations

import itertools
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rolesanywhere_signer.credentials_file import CredentialsSection
from rolesanywhere_signer.seconds import sleep
from tests.support.whole_files import fault_of, generation


def main() -> None:
    mode, path, what = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    MODES[mode](path, what)


def may_go_on() -> bool:
    return not select.select([sys.stdin], [], [], 0)[0]


def write(path: str, profile: str) -> None:
    section = CredentialsSection(path, profile)
    for number in itertools.count():
        credentials = generation(f"{profile.replace('-', '')}y{os.getpid()}", number)
        section.write(credentials)
        if not may_go_on():
            sys.stdout.write(f"{credentials.access_key_id}\n")
            return


def read(path: str, original: str) -> None:
    expected = Path(original).read_bytes()
    number = 0
    while may_go_on():
        fault = fault_of(Path(path).read_bytes(), expected)
        if fault is not None:
            sys.exit(fault)
        number += 1
        sleep(0.001)  # the machine is the writers' too
    sys.stdout.write(f"{number}\n")


MODES: dict[str, Callable[[str, str], None]] = {"write": write, "read": read}

if __name__ == "__main__":
    main()
