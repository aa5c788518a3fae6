"""A relay in front of a software TPM that answers some commands itself, as a TPM does that is busy or breaks off."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

SIGN, LOAD, FLUSH_CONTEXT = 0x0000015D, 0x00000157, 0x00000165
# TPM_RC_RETRY and its like (TPM 2.0 Library, part 2, section 6.6.3).
RETRY, TESTING, YIELDED, OBJECT_MEMORY = 0x922, 0x90A, 0x908, 0x902
BREAK_OFF = -1

Answer = Callable[[int], "int | None"]


def first(count: int, command: int, code: int) -> Answer:
    """Answer a command with a code so many times, and let it through from then on."""
    left = [count]

    def answer(asked: int) -> int | None:
        if asked != command or not left[0]:
            return None
        left[0] -= 1
        return code

    return answer


class Relay:
    """Listens at two ports beside each other, as swtpm does.

    Attributes:
        commands: The codes of the commands that came.
        most_at_once: How many commands were worked at at the same time.
    """

    def __init__(self, target: int, answer: Answer) -> None:
        self.commands: list[int] = []
        self.most_at_once = 0
        self._at_work = 0
        self._lock = threading.Lock()
        self._target = target
        self._answer = answer
        self._data, self._control = _two_ports()
        self.tcti = f"swtpm:host=127.0.0.1,port={self._data.getsockname()[1]}"

    def start(self) -> None:
        for listener, port, serve in (
            (self._data, self._target, self._serve_data),
            (self._control, self._target + 1, self._serve_control),
        ):
            threading.Thread(target=self._accept, args=(listener, port, serve), daemon=True).start()

    def stop(self) -> None:
        for listener in (self._data, self._control):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(
        self, listener: socket.socket, port: int, serve: Callable[[socket.socket, socket.socket], None]
    ) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client, port, serve), daemon=True).start()

    def _relay(self, client: socket.socket, port: int, serve: Callable[[socket.socket, socket.socket], None]) -> None:
        with contextlib.suppress(OSError, EOFError), client, socket.create_connection(("127.0.0.1", port)) as tpm:
            serve(client, tpm)

    def _serve_data(self, client: socket.socket, tpm: socket.socket) -> None:
        while True:
            command = _message(client)
            with self._lock:
                self._at_work += 1
                self.most_at_once = max(self.most_at_once, self._at_work)
            try:
                answer = self._answered(command, tpm)
            finally:
                # Before the answer goes: whoever asked may ask again at once.
                with self._lock:
                    self._at_work -= 1
            if answer is None:
                return
            client.sendall(answer)

    def _answered(self, command: bytes, tpm: socket.socket) -> bytes | None:
        code = struct.unpack_from(">I", command, 6)[0]
        self.commands.append(code)
        own = self._answer(code)
        if own == BREAK_OFF:
            return None
        if own is not None:
            return struct.pack(">HII", 0x8001, 10, own)
        tpm.sendall(command)
        return _message(tpm)

    def _serve_control(self, client: socket.socket, tpm: socket.socket) -> None:
        while True:
            request = client.recv(4096)
            if not request:
                return
            tpm.sendall(request)
            client.sendall(tpm.recv(4096))


def _two_ports() -> tuple[socket.socket, socket.socket]:
    for _ in range(50):
        first_one = socket.create_server(("127.0.0.1", 0))
        try:
            return first_one, socket.create_server(("127.0.0.1", first_one.getsockname()[1] + 1))
        except OSError:
            first_one.close()
    raise AssertionError("no two ports beside each other are free")


def _message(connection: socket.socket) -> bytes:
    """Read a command or a response, which says in its header how long it is."""
    head = _exactly(connection, 10)
    return head + _exactly(connection, struct.unpack_from(">I", head, 2)[0] - 10)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


@contextlib.contextmanager
def relay(target: int, answer: Answer = lambda _: None) -> Iterator[Relay]:
    """Run a relay in front of a TPM at a port."""
    running = Relay(target, answer)
    running.start()
    try:
        yield running
    finally:
        running.stop()
