"""One connection to the daemon: a Unix stream, one JSON object a line.

Does not: know methods, reconnect or start a daemon.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import time
from collections import deque
from pathlib import Path
from typing import Any, Deque, Dict, Optional

from .errors import Closed, ForeignDaemon, NoDaemon, ProtocolError, TimedOut, from_answer

# The longest request line that the daemon reads, and the longest answer that is accepted.
REQUEST_MAX = 1 << 20
ANSWER_MAX = 64 << 20
CHUNK = 64 * 1024


class Connection:
    """A socket, its unread bytes, and the notifications that came before an answer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: Deque[Dict[str, Any]] = deque()
        self._unread = bytearray()
        self._searched = 0
        self._next_id = 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.connect(os.fspath(path))
        except OSError as error:
            self._socket.close()
            raise NoDaemon(f"no daemon answers at `{path}`: {error.strerror}; `aft daemon start` starts one") from error
        peer = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        uid = struct.unpack("3i", peer)[1]
        if uid != os.geteuid():
            self._socket.close()
            raise ForeignDaemon(f"the daemon at `{path}` belongs to another user (uid {uid}); nothing was sent to it")

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def fileno(self) -> int:
        """The socket's descriptor, for `select`."""
        return self._socket.fileno()

    def call(self, method: str, params: Dict[str, Any], timeout: Optional[float], fd: Optional[int] = None) -> Any:
        """Sends a request, with a descriptor beside it where one is given, and waits for its result."""
        number = self._next_id
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        line = json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode("utf-8") + b"\n"
        if len(line) > REQUEST_MAX:
            raise ProtocolError(f"the request has {len(line)} bytes; a request line has at most {REQUEST_MAX}")
        until = None if timeout is None else time.monotonic() + timeout
        self._send(line, until, fd)
        while True:
            answer = self._next(until)
            theirs = answer.get("id")
            if "id" not in answer:
                self._keep(answer)
            elif theirs is None or theirs == number:
                if answer.get("error") is not None:
                    raise from_answer(answer["error"])
                return answer.get("result")
            elif not isinstance(theirs, int) or theirs > number:
                raise ProtocolError("the daemon answers what nobody asked")
            # A lower number: the answer to a call that ran into its timeout; nobody waits for it any more.

    def next_event(self, timeout: Optional[float]) -> Dict[str, Any]:
        """The parameters of the next notification."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.events:
            self._keep(self._next(until))
        return self.events.popleft()

    def _keep(self, answer: Dict[str, Any]) -> None:
        if answer.get("method") == "event" and isinstance(answer.get("params"), dict):
            self.events.append(answer["params"])

    def _send(self, line: bytes, until: Optional[float], fd: Optional[int]) -> None:
        beside = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            self._patience(until)
            sent = self._socket.sendmsg([line], beside)
            while sent < len(line):
                self._patience(until)
                sent += self._socket.send(line[sent:])
        except socket.timeout as error:
            self.close()  # Half a request went out; nothing after it would be understood.
            raise TimedOut("the daemon did not read the request in time") from error
        except (BrokenPipeError, ConnectionResetError, OSError) as error:
            raise Closed("the daemon closed the connection") from error

    def _next(self, until: Optional[float]) -> Dict[str, Any]:
        while True:
            end = self._unread.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._unread[:end])
                del self._unread[: end + 1]
                self._searched = 0
                try:
                    answer = json.loads(line)
                except ValueError as error:
                    raise ProtocolError(f"the daemon's answer is no JSON: {error}") from error
                if not isinstance(answer, dict):
                    raise ProtocolError("the daemon's answer is no JSON object")
                return answer
            self._searched = len(self._unread)
            if self._searched > ANSWER_MAX:
                raise ProtocolError(f"the daemon's answer is longer than {ANSWER_MAX} bytes")
            try:
                self._patience(until)
                chunk = self._socket.recv(CHUNK)
            except socket.timeout as error:
                raise TimedOut("the daemon did not answer in time") from error
            except OSError as error:
                raise Closed(f"the connection failed: {error.strerror}") from error
            if not chunk:
                raise Closed("the daemon closed the connection before it answered")
            self._unread += chunk

    def _patience(self, until: Optional[float]) -> None:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            raise socket.timeout
        self._socket.settimeout(left)
