"""Where the daemon's sockets and its store are; only the environment decides.

Does not: look whether anything is there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping, Optional

from .errors import AfterimageError


def _absolute(environ: Mapping[str, str], name: str) -> Optional[Path]:
    value = environ.get(name, "")
    if not value:
        return None
    if not os.path.isabs(value):
        raise AfterimageError(f"{name} is `{value}`, which is not an absolute path")
    return Path(value)


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The store: `$AFT_HOME`, else `$XDG_STATE_HOME/afterimage`, else `~/.local/state/afterimage`."""
    own = _absolute(environ, "AFT_HOME")
    if own:
        return own
    state = _absolute(environ, "XDG_STATE_HOME")
    if state:
        return state / "afterimage"
    user = _absolute(environ, "HOME")
    if not user:
        raise AfterimageError("neither AFT_HOME nor HOME is set; set one of them to an absolute path")
    return user / ".local" / "state" / "afterimage"


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The sockets: `$AFT_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/afterimage`, else `$AFT_HOME/run`."""
    own = _absolute(environ, "AFT_RUNTIME_DIR")
    if own:
        return own
    runtime = _absolute(environ, "XDG_RUNTIME_DIR")
    return runtime / "afterimage" if runtime else home(environ) / "run"
