"""The files that are named: whether they are there, are files, can be read, and by whom."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import KEY_SCHEMES
from ..keys.pkcs11 import is_pkcs11_uri
from ..private_files import DEFAULT_CACHE_DIRECTORY
from ..profiles import PassphraseFile
from ..selectors import CertificateDirectory
from ..sharing import make_cache
from .findings import BrokenStepError

if TYPE_CHECKING:
    from .patient import Patient

_WHAT = {
    "certificate": "certificate",
    "private_key": "private key",
    "intermediates": "intermediates",
    "passphrase": "passphrase",
    "trust_anchor": "trust anchor",
    "verify": "CA bundle",
}
_LISTED = 3
_MOST_NAMES = 1000


@dataclass(frozen=True)
class _Named:
    """A file that is named.

    Attributes:
        what: Is in it.
        path: As it was given.
        spelled: The option that names it.
        is_secret: Whether nobody else may read it.
    """

    what: str
    path: str
    spelled: str
    is_secret: bool

    def __str__(self) -> str:
        return f"the {self.what} file {self.path!r}"


def look_at_files(patient: Patient) -> str:
    """Look at each file that is named, without using what is in it.

    Raises:
        BrokenStepError: One is not there, is no file, is empty, or cannot be read by this user.
        ConfigurationError: The directory of the cache is not safe.
    """
    files = list(_named_files(patient))
    for file in files:
        _check(file)
        _remark_on_others(patient, file)
        if patient.is_from_elsewhere and not os.path.isabs(file.path):  # noqa: PTH117 - as it was given
            patient.remark(
                f"the path {file.path!r} ({file.spelled}) is relative: a program that is started elsewhere does not "
                "find it",
                f"write {os.path.abspath(file.path)!r}",  # noqa: PTH100 - links stay links
            )
    _check_cache(patient)
    place = patient.values.get("certificate")
    if isinstance(place, CertificateDirectory) and not is_pkcs11_uri(place.directory):
        return ", ".join([f"certificate directory {os.fspath(place.directory)!r}", *(str(file) for file in files)])
    in_tokens = [
        f"{_WHAT[option]} in a PKCS#11 token"
        for option in ("certificate", "private_key")
        if is_pkcs11_uri(getattr(patient.values.get(option), "directory", patient.values.get(option)))
    ]
    if in_tokens:
        return ", ".join([*in_tokens, *(str(file) for file in files)])
    return ", ".join(f"{file.what} {file.path!r}" for file in files) or "none is named"


def _named_files(patient: Patient) -> Iterator[_Named]:
    for option, what in _WHAT.items():
        value = patient.values.get(option)
        path = value.path if isinstance(value, PassphraseFile) else value
        if option == "passphrase" and not isinstance(value, PassphraseFile):
            continue
        if isinstance(path, str) and path.startswith(KEY_SCHEMES):
            continue
        # What lies in a token is no file, and its URI may hold the PIN.
        if isinstance(path, (str, os.PathLike)) and not is_pkcs11_uri(path):
            key_beside = option == "certificate" and not patient.values.keys() & {"private_key", "signing_command"}
            is_secret = option in ("private_key", "passphrase") or key_beside
            yield _Named(what, os.fspath(path), _spelled(patient, option, path), is_secret)


def _spelled(patient: Patient, option: str, path: object) -> str:
    if option != "verify":
        return patient.spell(option)
    from_environment = path == patient.question.environment.get("AWS_CA_BUNDLE")
    return "AWS_CA_BUNDLE" if from_environment else f"{patient.spell(option)}, or ca_bundle of the profile"


def _check_cache(patient: Patient) -> None:
    """See that a cache that is there already is a safe one; it is not made for the occasion."""
    cache = patient.values.get("cache")
    directory = os.path.expanduser(DEFAULT_CACHE_DIRECTORY) if cache is True else cache  # noqa: PTH111 - as the cache does
    if isinstance(directory, (str, os.PathLike)) and os.path.lexists(directory):
        make_cache(cache, patient.now)


def _check(file: _Named) -> None:
    try:
        status = os.stat(file.path)  # noqa: PTH116 - one error for all that can be wrong with a path
    except PermissionError as error:
        raise _closed_directory(file) from error
    except (OSError, ValueError) as error:
        raise _not_there(file) from error
    if stat.S_ISDIR(status.st_mode):
        _check_directory(file)
        return
    if not stat.S_ISREG(status.st_mode):
        raise BrokenStepError(
            "no-regular-file", f"{file} ({file.spelled}) is a pipe or a device", "give the path of a file"
        )
    _check_readable(file, status)
    if status.st_size == 0:
        raise BrokenStepError(
            "file-empty",
            f"{file} ({file.spelled}) is empty",
            "write it anew: whatever made it was interrupted, or the disk was full",
        )


def _not_there(file: _Named) -> BrokenStepError:
    missing = Path(file.path)
    directory = missing.absolute().parent
    while not directory.is_dir() and directory != directory.parent:
        missing, directory = directory, directory.parent
    message = f"there is no {file.what} file {file.path!r} ({file.spelled})"
    if missing != Path(file.path):
        message += f": the directory {str(missing)!r} is not there"
    near = difflib.get_close_matches(missing.name, _names_in(directory), _LISTED, 0.7)
    if os.path.islink(file.path):  # noqa: PTH114 - no error for odd paths
        return BrokenStepError(
            "file-missing", f"{message}: it is a link that leads nowhere", f"see where it leads: ls -l {file.path!r}"
        )
    hint = f"give the path of the file that is there: {directory} has {', '.join(map(repr, near))}"
    return BrokenStepError("file-missing", message, hint if near else "give the path of the file that is there")


def _names_in(directory: Path) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry, _ in zip(entries, range(_MOST_NAMES), strict=False)]
    except OSError:
        return []


def _check_directory(file: _Named) -> None:
    if file.what == "CA bundle":
        return  # OpenSSL takes a directory of hashed names
    likely = sorted(name for name in _names_in(Path(file.path)) if name.endswith((".pem", ".crt", ".cer", ".key")))
    raise BrokenStepError(
        "directory-given",
        f"{file.path!r} ({file.spelled}) is a directory, where the {file.what} file belongs",
        f"give the path of a file in it: {', '.join(map(repr, likely[:_LISTED]))}" if likely else "give a file's path",
    )


def _check_readable(file: _Named, status: os.stat_result) -> None:
    try:
        with open(file.path, "rb"):  # noqa: PTH123 - as it is read later
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise BrokenStepError(
        "file-unreadable",
        f"{_this_user()} may not read {file} ({file.spelled}): {reason}; it belongs to {_user(status.st_uid)}, "
        f"mode {stat.S_IMODE(status.st_mode):04o}",
        f"run this as {_user(status.st_uid)}, or make the file this user's: chown {_this_user()} {file.path!r} && "
        f"chmod 600 {file.path!r}",
    )


def _closed_directory(file: _Named) -> BrokenStepError:
    for directory in reversed(Path(file.path).absolute().parents):
        if not os.access(directory, os.X_OK):
            status = os.stat(directory)  # noqa: PTH116 - its parent is open
            return BrokenStepError(
                "file-unreadable",
                f"{_this_user()} may not enter the directory {str(directory)!r}, where {file} ({file.spelled}) is; it "
                f"belongs to {_user(status.st_uid)}, mode {stat.S_IMODE(status.st_mode):04o}",
                f"run this as {_user(status.st_uid)}, or let this user in: setfacl -m u:{_this_user()}:x "
                f"{str(directory)!r}",
            )
    return BrokenStepError(
        "file-unreadable", f"{_this_user()} may not look at {file} ({file.spelled})", "run this as another user"
    )


def _remark_on_others(patient: Patient, file: _Named) -> None:
    if os.name != "posix" or not file.is_secret:
        return
    mode = stat.S_IMODE(os.stat(file.path).st_mode)  # noqa: PTH116 - it was found with the same call
    can = [verb for verb, bits in (("read", 0o044), ("changed", 0o022)) if mode & bits]
    if can:
        patient.remark(
            f"{file} can be {' and '.join(can)} by other users (mode {mode:04o})", f"chmod 600 {file.path!r}"
        )


def _this_user() -> str:
    return _user(os.geteuid()) if hasattr(os, "geteuid") else "this user"


def _user(uid: int) -> str:
    try:
        import pwd  # noqa: PLC0415 - not on Windows

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"uid {uid}"
