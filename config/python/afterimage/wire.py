"""How names and contents travel: as a string where they are UTF-8, as `{"base64": …}` where they are not.

Does not: know any method.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from .types import Base64

# What a caller may give where a path or a content stands.
PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]", "Base64"]


def encode(value: Any) -> Any:
    """A parameter as JSON takes it: `bytes`, path objects and names that are not UTF-8 become what the daemon reads."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        try:
            value.encode("utf-8")
            return value
        except UnicodeEncodeError:
            value = os.fsencode(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value)
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(one) for one in value]
    return value


def as_bytes(value: Any) -> bytes:
    """The bytes of a name or a content from an answer."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    return str(value).encode("utf-8")


def as_name(value: Any) -> str:
    """A name from an answer as Python's file functions take it, bytes that are not UTF-8 included."""
    return os.fsdecode(as_bytes(value))
