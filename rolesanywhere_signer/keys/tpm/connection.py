"""The way to the TPM: which one, one user of it at a time in this process, and nothing left behind.

A connection lives for one operation. Nothing of it is there between two, so that a process may fork, the TPM may be
reset, and a device without a resource manager is free for others.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ...errors import ConfigurationError, RolesAnywhereError
from ...seconds import sleep
from ..forking import lock_across_forks
from .failures import failure, is_busy

if TYPE_CHECKING:
    from tpm2_pytss import ESAPI

# In their order: a TCTI by its name and its configuration, as tpm2-tools and tpm2-openssl take it.
_TCTI_VARIABLES = ("TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI")
# The official helper's, a path.
_DEVICE_VARIABLE = "TPM_DEVICE"
_DEVICES = ("/dev/tpmrm0", "/dev/tpm0")
# The library repeats a command five times at once; these come after that.
_PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)

_Answer = TypeVar("_Answer")
# A child would inherit the connection of another thread, and hold what that one has loaded.
_one_at_a_time = lock_across_forks()


class Way(NamedTuple):
    """How the TPM is reached.

    Attributes:
        tcti: The name of the TCTI.
        configuration: What follows the name, or None.
        told_by: The variable that says so, or None.
    """

    tcti: str
    configuration: str | None
    told_by: str | None

    def __str__(self) -> str:
        way = self.tcti if self.configuration is None else f"{self.tcti}:{self.configuration}"
        return f"{way!r} ({self.told_by})" if self.told_by else repr(way)


def find_way(error: type[RolesAnywhereError]) -> Way:
    """Return how the TPM is reached: as a variable says, else by the device of the kernel.

    The library's own default would go on to simulators on ports of this machine, where any user may listen.

    Raises:
        RolesAnywhereError: As ``error``: there is no TPM.
    """
    for variable in _TCTI_VARIABLES:
        text = os.environ.get(variable)
        if text:
            name, colon, configuration = text.partition(":")
            return Way(name, configuration if colon else None, variable)
    device = os.environ.get(_DEVICE_VARIABLE)
    if device:
        return Way("device", device, _DEVICE_VARIABLE)
    for device in _DEVICES:
        if os.path.exists(device):  # noqa: PTH110 - a device
            return Way("device", device, None)
    raise error(
        f"there is no TPM on this machine: neither {' nor '.join(_DEVICES)} is there",
        hint="enable it in the firmware; for another one, or a simulated one, set TPM2TOOLS_TCTI",
    )


class Tpm:
    """A connection, for one operation.

    Args:
        esapi: The binding's own.
        what: What is done, and with which key, for messages.
        error: The class of what goes wrong.
    """

    def __init__(self, esapi: ESAPI, what: str, error: type[RolesAnywhereError]) -> None:
        self.esapi = esapi
        self._what = what
        self._error = error

    def ask(self, command: Callable[[], _Answer]) -> _Answer:
        """Return what a command of the binding returns; a busy TPM is asked again, for two seconds at most.

        Raises:
            RolesAnywhereError: The TPM refused.
        """
        from tpm2_pytss import TSS2_Exception  # noqa: PLC0415 - of the extra

        for pause in (*_PAUSES_SECONDS, None):
            try:
                return command()
            except TSS2_Exception as error:
                if pause is None or not is_busy(int(error.rc)):
                    raise failure(int(error.rc), str(error), self._what, self._error) from error
            except (TypeError, ValueError, RuntimeError) as error:
                # What the binding itself makes of a value that does not fit.
                raise self._error(
                    f"{self._what}: the TPM's binding refused: {type(error).__name__}",
                    hint='see that it is one that is supported: pip install "rolesanywhere-signer[tpm]"',
                ) from error
            sleep(pause)
        raise AssertionError

    @contextlib.contextmanager
    def loaded(self, load: Callable[[], Any]) -> Iterator[Any]:
        """Load an object, and flush it in any case."""
        handle = self.ask(load)
        try:
            yield handle
        except BaseException:
            # What went wrong first says more than that the connection is broken now.
            with contextlib.suppress(RolesAnywhereError):
                self.ask(lambda: self.esapi.flush_context(handle))
            raise
        self.ask(lambda: self.esapi.flush_context(handle))


@contextlib.contextmanager
def connected(what: str, error: type[RolesAnywhereError]) -> Iterator[Tpm]:
    """Reach the TPM for one operation, when no other thread does.

    Args:
        what: What is done, and with which key; messages begin with it.
        error: The class of what goes wrong, but for a missing binding and a refused password.

    Raises:
        ConfigurationError: The extra ``tpm`` is not installed.
        RolesAnywhereError: The TPM cannot be reached, or refuses.
    """
    _check_binding()
    with _one_at_a_time:
        way = find_way(error)
        _check_device(way, error)
        with contextlib.ExitStack() as stack:
            yield Tpm(_connect(stack, way, what, error), what, error)


def _check_binding() -> None:
    # Its messages would go to stderr, in the middle of an application's own; ours say what was wrong. ``os.environ``
    # stays as it is: programs that are started inherit this, unless an environment is given to them.
    if "TSS2_LOG" not in os.environ:
        os.putenv("TSS2_LOG", "all+none")
    try:
        import tpm2_pytss  # noqa: F401, PLC0415
    except Exception as error:  # a binding that does not fit what it is built on fails in ways of its own
        raise ConfigurationError(
            "a key in a TPM needs tpm2-pytss, which is not installed or does not work here",
            hint='pip install "rolesanywhere-signer[tpm]"; it is compiled against the TPM2 software stack, so that it '
            "needs a C compiler and, on Debian, libtss2-dev",
        ) from error


def _connect(stack: contextlib.ExitStack, way: Way, what: str, error: type[RolesAnywhereError]) -> ESAPI:
    from tpm2_pytss import ESAPI, TCTILdr, TSS2_Exception  # noqa: PLC0415

    try:
        tcti = stack.enter_context(TCTILdr(way.tcti, way.configuration))
        return stack.enter_context(ESAPI(tcti))
    except (TSS2_Exception, TypeError, ValueError, RuntimeError) as cause:
        raise error(
            f"{what}: the TPM cannot be reached by {way} ({cause})",
            hint=_reachable(way),
        ) from cause


def _reachable(way: Way) -> str:
    if way.told_by is None:
        return "check that it is there, and that no other program has it to itself"
    if way.told_by == _DEVICE_VARIABLE:
        return f"check {way.told_by}: /dev/tpmrm0 is the TPM of this machine"
    return (
        f"check {way.told_by}: device:/dev/tpmrm0 is the TPM of this machine, swtpm:host=127.0.0.1,port=2321 "
        "a simulated one"
    )


def _check_device(way: Way, error: type[RolesAnywhereError]) -> None:
    """Say what is wrong with a device, of which the library tells no more than that it failed."""
    if way.tcti != "device" or not way.configuration:
        return
    for pause in (*_PAUSES_SECONDS, None):
        try:
            os.close(os.open(way.configuration, os.O_RDWR | getattr(os, "O_CLOEXEC", 0)))
        except OSError as cause:
            # A device without a resource manager belongs to one program at a time.
            if cause.errno != errno.EBUSY or pause is None:
                raise _device_failure(way, cause, error) from cause
        else:
            return
        sleep(pause)


def _device_failure(way: Way, cause: OSError, error: type[RolesAnywhereError]) -> RolesAnywhereError:
    hint = "check that the TPM is enabled in the firmware"
    if cause.errno in (errno.EACCES, errno.EPERM):
        hint = "let this user use it: on most systems, usermod -aG tss USER"
    elif cause.errno == errno.EBUSY:
        hint = "another program has it to itself; /dev/tpmrm0 serves several at once"
    return error(f"the TPM {way} cannot be opened: {cause.strerror or type(cause).__name__}", hint=hint)
