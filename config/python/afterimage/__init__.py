"""Afterimage's history of a workspace from Python: a client without dependencies.

    >>> from afterimage import Client
    >>> with Client() as aft:
    ...     for version in aft.file.history("project", "src/main.rs")["versions"]:
    ...         print(version["operation"], version["time"], version["author"])
"""

from .client import Client
from .errors import (
    AfterimageError,
    Busy,
    Closed,
    ConnectionFailed,
    Corrupt,
    Detached,
    EditConflict,
    Forbidden,
    ForeignDaemon,
    Invalid,
    NoDaemon,
    NotArmed,
    NotFound,
    ProtocolError,
    RpcError,
    StoreFull,
    TimedOut,
    TooLarge,
    UnknownMethod,
    Untrusted,
    VersionConflict,
)
from .wire import as_bytes, as_name

__version__ = "0.1.0"
__all__ = [
    "AfterimageError",
    "Busy",
    "Client",
    "Closed",
    "ConnectionFailed",
    "Corrupt",
    "Detached",
    "EditConflict",
    "Forbidden",
    "ForeignDaemon",
    "Invalid",
    "NoDaemon",
    "NotArmed",
    "NotFound",
    "ProtocolError",
    "RpcError",
    "StoreFull",
    "TimedOut",
    "TooLarge",
    "UnknownMethod",
    "Untrusted",
    "VersionConflict",
    "as_bytes",
    "as_name",
]
