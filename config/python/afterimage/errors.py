"""What can go wrong, one class a reason: `except NotFound`, or all of it with `except AfterimageError`.

Does not: print or retry.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Type


class AfterimageError(Exception):
    """Anything that goes wrong here."""


class ConnectionFailed(AfterimageError):
    """There is no connection, or it ended."""


class NoDaemon(ConnectionFailed):
    """Nobody listens at the socket. `aft daemon start` starts a daemon."""


class ForeignDaemon(ConnectionFailed):
    """The socket belongs to another user; nothing was sent to it."""


class Closed(ConnectionFailed):
    """The daemon closed the connection before it answered."""


class TimedOut(AfterimageError):
    """The daemon did not answer in time. What it was asked to do may still happen."""


class ProtocolError(AfterimageError):
    """The answer makes no sense, or the request is too long to be sent."""


class RpcError(AfterimageError):
    """The daemon refused. `kind` says why, `remedy` what to do about it, where it knows."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data: Dict[str, Any] = data if isinstance(data, dict) else {}
        self.kind: Optional[str] = self.data.get("kind")
        self.remedy: Optional[str] = self.data.get("remedy")


class NotFound(RpcError):
    """Nothing of that name, number or point."""


class VersionConflict(RpcError):
    """`expected_head` is not the head."""


class EditConflict(RpcError):
    """Files changed, or a part of the plan is in conflict; nothing was touched."""


class NotArmed(RpcError):
    """The first scan is not stored yet and the caller did not want to wait."""


class Detached(RpcError):
    """The workspace's root moved, was unmounted or replaced."""


class Forbidden(RpcError):
    """This socket does not serve that."""


class Untrusted(RpcError):
    """A command of the workspace has not been approved."""


class TooLarge(RpcError):
    """A line, a batch, a file or a result is beyond its ceiling."""


class Corrupt(RpcError):
    """A record of the store is damaged."""


class StoreFull(RpcError):
    """The store is at its cap, or the disk is full."""


class Busy(RpcError):
    """A queue is full, or something that excludes this is under way."""


class Invalid(RpcError):
    """The request makes no sense as it stands."""


class UnknownMethod(Invalid):
    """This daemon does not know the method; it is older, or another one."""


BY_KIND: Dict[str, Type[RpcError]] = {
    "not_found": NotFound,
    "version_conflict": VersionConflict,
    "edit_conflict": EditConflict,
    "not_armed": NotArmed,
    "detached": Detached,
    "forbidden": Forbidden,
    "untrusted": Untrusted,
    "too_large": TooLarge,
    "corrupt": Corrupt,
    "store_full": StoreFull,
    "busy": Busy,
    "invalid": Invalid,
}
METHOD_NOT_FOUND = -32601


def from_answer(error: Any) -> RpcError:
    """The exception for the `error` of an answer. A kind that is not known here is a plain `RpcError`."""
    error = error if isinstance(error, dict) else {}
    code, data = error.get("code", 0), error.get("data")
    kind = data.get("kind") if isinstance(data, dict) else None
    named = UnknownMethod if code == METHOD_NOT_FOUND else BY_KIND.get(str(kind), RpcError)
    return named(code, str(error.get("message", "the daemon refused and did not say why")), data)
