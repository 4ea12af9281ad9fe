"""The client: a role's socket, every method, changes and events as iterators.

Does not: start a daemon, or serve several threads; give each thread a client of its own.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Type, TypeVar
from types import TracebackType

from . import places
from .connection import Connection
from .errors import AfterimageError, Closed, ConnectionFailed, NoDaemon
from .methods import Methods
from .types import HistoryPollResult
from .wire import PathLike, as_bytes, encode

ROLES = ("editor", "agent", "control")
# A long poll asks for this much at once; the daemon may answer sooner.
POLL_WAIT_MS = 30_000
# How long to wait before the next try to find a daemon that went away; doubled up to the maximum.
RETRY_FIRST, RETRY_MAX = 0.05, 2.0

Self = TypeVar("Self", bound="Client")


class Client(Methods):
    """A connection in a role: `editor` reads, `agent` also syncs, records and takes back, `control` does everything.

    >>> with Client("agent") as aft:
    ...     aft.sync(".", durable=True)
    ...     aft.checkpoint.create(".", "before-refactor")

    Results are what the daemon answered; `as_bytes` and `as_name` read contents and names in them. `timeout` is for
    each call in seconds, beyond what the call itself asks to wait (`wait_ms`).
    """

    def __init__(
        self,
        role: str = "editor",
        *,
        name: str = "afterimage-python",
        timeout: Optional[float] = 60.0,
        environ: Optional[Mapping[str, str]] = None,
        socket_path: Optional["os.PathLike[str]"] = None,
    ) -> None:
        if role not in ROLES:
            raise ValueError(f"role is one of {', '.join(ROLES)}, not {role!r}")
        super().__init__()
        self._environ: Mapping[str, str] = os.environ if environ is None else environ
        self.role = role
        self.name = name
        self.timeout = timeout
        self.greeting: Dict[str, Any] = {}
        self._path = Path(socket_path) if socket_path else places.runtime_dir(self._environ) / f"{role}.sock"
        self._connection: Optional[Connection] = None
        self.connect()

    def connect(self) -> None:
        """Connects, anew where there is a connection, and says who is there. On `control.sock` the descriptor of
        `control.key` goes along, which proves that this process may write in the store."""
        self.close()
        connection = Connection(self._path)
        key: Optional[int] = None
        try:
            if self.role == "control":
                path = places.home(self._environ) / "control.key"
                try:
                    key = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                except OSError as error:
                    raise AfterimageError(f"cannot open `{path}`, which proves the right to control: {error}") from error
            # No `version`: a daemon of another version would restart itself for this client.
            self.greeting = connection.call("hello", {"client": self.name}, self.timeout, key)
        except BaseException:
            connection.close()
            raise
        finally:
            if key is not None:
                os.close(key)
        self._connection = connection

    def close(self) -> None:
        """Ends the connection. A session that was started with `attach` ends with it."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """The socket's descriptor, for `select`."""
        return self._connected().fileno()

    def call(self, method: str, params: Optional[Dict[str, Any]] = None) -> Any:
        """Calls a method by its name. `None` means that a parameter is not given."""
        given = {key: encode(value) for key, value in (params or {}).items() if value is not None}
        if "workspace" in given and isinstance(given["workspace"], str):
            given["workspace"] = _place(given["workspace"])
        timeout = self.timeout
        wait = given.get("wait_ms")
        if timeout is not None and isinstance(wait, int):
            timeout += wait / 1000
        return self._connected().call(method, given, timeout)

    def read_file(self, workspace: PathLike, path: PathLike, *, at: Any = None) -> bytes:
        """All bytes of a file (a link's target) at a point, or now."""
        pieces: List[bytes] = []
        offset, point = 0, at
        while True:
            page = self.file.read(workspace, path, at=point, offset=offset)
            piece = as_bytes(page["content"])
            pieces.append(piece)
            offset += len(piece)
            # The next piece is of the same state, whatever was recorded in between.
            point = page["operation"]
            if offset >= page["size"] or not piece:
                return b"".join(pieces)

    def pages(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Every page of a paged method: `for page in aft.pages(aft.history.list, workspace)`."""
        cursor: Optional[str] = None
        while True:
            page = method(*args, **kwargs, cursor=cursor)
            yield page
            cursor = page.get("cursor")
            if not cursor:
                return

    def changes(
        self, workspace: PathLike, *, clock: Optional[str] = None, wait_ms: int = POLL_WAIT_MS, reconnect: bool = True
    ) -> Iterator[HistoryPollResult]:
        """Answers of `history.poll` that hold something new, for ever. The first one comes at once and gives the clock;
        with `fresh_instance` the caller starts over from what the history holds. A daemon that goes away is waited
        for, unless `reconnect` is false."""
        while True:
            try:
                answer = self.history.poll(workspace, clock=clock, wait_ms=wait_ms)
            except ConnectionFailed:
                if not reconnect:
                    raise
                self._return()
                continue
            fresh = clock is None or answer["fresh_instance"] or bool(answer["operations"])
            clock = answer["clock"]
            if fresh:
                yield answer

    def follow(
        self,
        workspace: Optional[PathLike] = None,
        *,
        events: Optional[Sequence[Any]] = None,
        after: Optional[str] = None,
        timeout: Optional[float] = None,
        reconnect: bool = True,
    ) -> Iterator[Dict[str, Any]]:
        """Events as they happen; `TimedOut` where none comes for `timeout` seconds. After a dropped subscription or a
        restart of the daemon it goes on after the last clock; where events were missed, one with `fresh_instance`
        says so."""
        while True:
            try:
                started = self.events.subscribe(workspace=workspace, events=events, after=after)
                if started["fresh_instance"]:
                    yield {"subscription": started["subscription"], "fresh_instance": True, "payload": None}
                try:
                    while True:
                        event = self._connected().next_event(timeout)
                        if event.get("subscription") != started["subscription"]:
                            continue
                        after = event.get("clock", after)
                        if event.get("fresh_instance") and "event" not in event:
                            break
                        yield event
                finally:
                    self._unsubscribe(started["subscription"])
            except ConnectionFailed:
                if not reconnect:
                    raise
                self._return()
                # Without any clock: what the new daemon holds is all that came since it started.
                after = after or ""

    def _unsubscribe(self, subscription: str) -> None:
        try:
            self.events.unsubscribe(subscription)
        except AfterimageError:
            pass  # The connection is gone, or the daemon dropped it first: either way it is over.

    def _connected(self) -> Connection:
        if self._connection is None:
            raise Closed("the connection is closed")
        return self._connection

    def _return(self) -> None:
        """Connects again, as soon as there is somebody to connect to."""
        pause = RETRY_FIRST
        while True:
            try:
                return self.connect()
            except (NoDaemon, Closed):
                time.sleep(pause)
                pause = min(pause * 2, RETRY_MAX)


def _place(workspace: str) -> str:
    """A relative root, which a daemon elsewhere could not know, as an absolute one; an id stays an id."""
    if len(workspace) == 32 and all(c in "0123456789abcdef" for c in workspace):
        return workspace
    return os.path.abspath(workspace)
