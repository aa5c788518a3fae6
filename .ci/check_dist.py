"""Check a folder with one sdist and one wheel: what they hold, and that the wheel works in a clean environment.

Usage: python check_dist.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

PACKAGE = "rolesanywhere_signer"
NOT_IN_WHEEL = ("tests", "docs", ".ci")
IN_SDIST = ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "tox.ini", "tests/conftest.py", "docs/conf.py")


def main(folder: Path) -> int:
    """Return 0 when everything holds; print what does not."""
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    problems = [*_wheel_problems(wheel), *_sdist_problems(sdist)]
    for problem in problems:
        print(f"error: {problem}")
    if not problems:
        _try_in_clean_environment(wheel)
    return 1 if problems else 0


def _wheel_problems(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    root = Path(__file__).parents[1]
    ours = {path.relative_to(root).as_posix() for path in (root / PACKAGE).rglob("*.py")} | {f"{PACKAGE}/py.typed"}
    missing = [f"{wheel.name} lacks {name}" for name in sorted(ours - names)]
    tops = {name.partition("/")[0] for name in names}
    strangers = [f"{wheel.name} holds {top}" for top in sorted(tops) if not top.startswith(PACKAGE)]
    return missing + strangers


def _sdist_problems(sdist: Path) -> list[str]:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    return [f"{sdist.name} lacks {name}" for name in IN_SDIST if name not in names]


def _try_in_clean_environment(wheel: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        programs = Path(directory, "Scripts" if sys.platform == "win32" else "bin")
        _run(programs / "python", "-m", "pip", "install", "--quiet", str(wheel), cwd=directory)
        _run(programs / "rolesanywhere-signer", "--version", cwd=directory)
        _run(programs / "python", "-m", PACKAGE, "--version", cwd=directory)
        _run(programs / "rolesanywhere-signer", "demo", cwd=directory)


def _run(*command: str | Path, cwd: str) -> None:
    print("$", *(part.name if isinstance(part, Path) else part for part in command), flush=True)
    subprocess.run(command, check=True, cwd=cwd, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
