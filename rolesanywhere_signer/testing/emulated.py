"""The local service as a program runs it: with a state file that its control plane keeps up to date."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..files import StrPath
from ..private_files import read_private, write_private
from .recent import Recent
from .service import Call, LocalRolesAnywhere
from .state import dump_state, load_state
from .wire import HttpRequest, HttpResponse

_MOST_BYTES = 256 * 1024 * 1024
_READING = ("GET", "HEAD")
# As many as the admin endpoint shows.
_KEPT_CALLS = 1000


class StateFile:
    """Where a service's state is kept: JSON, mode 0600, replaced in one step.

    Args:
        path: Of the file; it need not be there.
    """

    def __init__(self, path: StrPath) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._saved: bytes | None = None

    def read(self) -> dict[str, Any] | None:
        """Return the state, or None: there is no file.

        Raises:
            ConfigurationError: The file is another user's, can be read by others, or holds no state.
        """
        # A link that leads nowhere is there, and is refused.
        if not self._path.is_symlink() and not self._path.exists():
            return None
        data = read_private(self._path, _MOST_BYTES)
        if data is None:
            raise ConfigurationError(
                f"the state file {str(self._path)!r} cannot be read, is empty, or is not this user's alone",
                hint="it must be a file with mode 0600; remove it to begin anew",
            )
        try:
            state = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._unusable() from error
        if not isinstance(state, dict):
            raise self._unusable()
        self._saved = data
        return state

    def load(self, service: LocalRolesAnywhere, state: dict[str, Any]) -> None:
        """Put a state that was read into a new service.

        Raises:
            ConfigurationError: It is not one of this service.
        """
        load_state(service._account, state, f"the state file {str(self._path)!r}")

    def save(self, service: LocalRolesAnywhere) -> None:
        """Write the state, if it is not what was written last.

        Raises:
            ConfigurationError: It cannot be written; the old file is as it was.
        """
        with self._lock:
            data = json.dumps(dump_state(service._account), indent=1).encode("ascii") + b"\n"
            if data == self._saved:
                return
            try:
                write_private(self._path, data)
            except OSError as error:
                raise ConfigurationError(
                    f"the state file {str(self._path)!r} cannot be written: {error.strerror}",
                    hint="its directory must be there and this user's to write",
                ) from error
            self._saved = data

    def _unusable(self) -> ConfigurationError:
        return ConfigurationError(
            f"the state file {str(self._path)!r} holds no state of the local service", hint="remove it to begin anew"
        )


class EmulatedRolesAnywhere(LocalRolesAnywhere):
    """A local service whose state is written before a call that changed it is answered.

    Subjects change with each CreateSession; they are written along with the next change, and at the end.

    It may run for months: of CreateSession calls, as of AssumeRole calls, the last 1,000 are kept, and of their
    requests, which nobody outside of this process can see, nothing but method and path.

    Args:
        state_file: None: nothing is kept.
        options: Those of ``LocalRolesAnywhere``.
    """

    def __init__(self, state_file: StateFile | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._state_file = state_file
        self._recent: Recent[Call] = Recent(_KEPT_CALLS)
        self.calls = self._recent
        self._tokens.calls = Recent(_KEPT_CALLS)

    def _note(self, call: Call) -> None:
        request = call.request
        super()._note(replace(call, request=HttpRequest(request.method, request.raw_path)))

    @property
    def call_count(self) -> int:
        """How many CreateSession calls there were, those that are kept no longer too."""
        return self._recent.forgotten + len(self._recent)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, and keep what it changed.

        Raises:
            ConfigurationError: The state cannot be written, or the clock returned no aware datetime.
        """
        response = super().respond(request)
        changes = request.method not in _READING and request.path not in (b"/sessions", b"/")
        if changes and response.status < 300:
            self.save()
        return response

    def save(self) -> None:
        """Write the state.

        Raises:
            ConfigurationError: It cannot be written.
        """
        if self._state_file is not None:
            self._state_file.save(self)
