"""An identity out of a directory: the certificate is chosen anew at each look."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any

from ..certificates import pem_text
from ..clock import Clock, utc_now
from ..errors import ConfigurationError
from ..files import StrPath
from ..identity_sources import Contents, named_function, picklable_passphrase
from ..keys import Passphrase
from .choice import Candidate, choose
from .directory import PemDirectory, intermediates_of, read_directory
from .key_search import KeySearch
from .selector import Selector, parse_selector

_logger = logging.getLogger("rolesanywhere_signer")


@dataclass(frozen=True)
class CertificateDirectory:
    """A directory of PEM files, in the place of a certificate: which of its certificates is the one to use.

    Attributes:
        directory: Where the files are.
        selector: What is asked for: a ``Selector``, or text in the official helper's grammar. None: the only one.
        use_latest_expiring: Of several that fit, take the one that ends last.
    """

    directory: StrPath
    selector: Selector | str | None = None
    use_latest_expiring: bool = False

    def parsed_selector(self) -> Selector:
        """Return the selector.

        Raises:
            ConfigurationError: It cannot be understood.
        """
        return parse_selector(self.selector) if isinstance(self.selector, str) else self.selector or Selector()


class DirectorySource:
    """The PEM files of a directory as the source of an identity: ``Identity.from_source(DirectorySource(…))``.

    The directory is read, and the certificate chosen, whenever the identity is read: a renewed certificate is found
    under whatever name it has. The key may stand in any file. Intermediates are those beside the certificate in its
    file; where it stands alone, those that lie in the directory.

    Args:
        place: The directory, and what is asked for.
        passphrase: For encrypted keys; a callable is asked at most once in each look.
        clock: Returns the time, aware; None: this machine's.

    Raises:
        ConfigurationError: The selector cannot be understood.
    """

    def __init__(
        self, place: CertificateDirectory, passphrase: Passphrase | None = None, clock: Clock | None = None
    ) -> None:
        self._directory = os.fspath(place.directory)
        self._selector = place.parsed_selector()
        self._take_latest = place.use_latest_expiring
        self._passphrase = passphrase
        self._clock: Clock = clock or utc_now
        self._forget()

    def _forget(self) -> None:
        self._chosen: Candidate | None = None
        self._known_keys: dict[bytes, bytes] = {}
        self._told: frozenset[str] = frozenset()

    def read(self) -> Contents:
        """Read the directory and choose.

        Raises:
            CertificateLoadError: It cannot be read, nothing fits, or several certificates do.
            PrivateKeyLoadError, PassphraseError: The key is not there, or cannot be opened.
        """
        directory = read_directory(self._directory)
        keys = KeySearch(directory.files, self._passphrase, self._known_keys)
        chosen = choose(directory, self._selector, keys, self._clock(), take_latest=self._take_latest)
        self._tell(chosen, directory)
        self._chosen = chosen
        key = chosen.key.pem if chosen.key else b""
        return Contents(chosen.file.content, key, _intermediates(chosen, directory))

    def _tell(self, chosen: Candidate, directory: PemDirectory) -> None:
        notes = [f"using {chosen.describe(self._clock())}", *(f"passed over: {why}" for why in directory.passed_over)]
        for note in notes:
            if note not in self._told:
                _logger.info("%s", note)
        self._told = frozenset(notes)

    def describe(self, what: str) -> str:
        """Name the chosen file, or the directory before anything was chosen."""
        if self._chosen is None or what == "intermediates":
            return f"the {what} in the directory {self._directory!r}"
        return f"the {what} file {self._chosen.file.path!r}"

    @property
    def key_path(self) -> StrPath | None:
        """The file of the chosen certificate's key."""
        return self._chosen.key.path if self._chosen and self._chosen.key else None

    @property
    def paths(self) -> tuple[StrPath, ...]:
        """None: which files are read is decided anew each time."""
        return ()

    def check_picklable(self) -> None:
        """The directory and the selector may go into a pickle, and a clock that goes by its name."""
        if named_function(self._clock) is None:
            raise ConfigurationError("a directory of certificates with a clock of its own cannot be pickled")

    def __getstate__(self) -> dict[str, Any]:
        passphrase = picklable_passphrase(self._passphrase)
        return {
            "_directory": self._directory,
            "_selector": self._selector,
            "_take_latest": self._take_latest,
            "_passphrase": passphrase,
            "_clock": self._clock,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __repr__(self) -> str:
        return f"<DirectorySource {self._directory!r}>"


def _intermediates(chosen: Candidate, directory: PemDirectory) -> bytes | None:
    if len(chosen.file.certificates) > 1:
        return None  # a full chain
    return pem_text(intermediates_of(chosen.certificate, directory.files)) or None
