"""A real daemon with a store, sockets and a workspace of its own in temporary directories.

Does not: skip. Where there is no `aft`, whoever asks for one fails and is told how to build it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict

REPOSITORY = Path(__file__).resolve().parents[3]


def binary() -> str:
    """`$AFT_BIN`, else this repository's debug build, else what the PATH has."""
    built = REPOSITORY / "target" / "debug" / "aft"
    found = os.environ.get("AFT_BIN") or (str(built) if built.exists() else shutil.which("aft"))
    if not found:
        raise RuntimeError("there is no `aft`: run `cargo build -p aft-cli`, or set AFT_BIN")
    return found


class Daemon:
    """`with Daemon() as daemon:` starts it and stops it again, whatever happens in between."""

    def __init__(self) -> None:
        source = binary()
        self.base = Path(tempfile.mkdtemp(prefix="aft-py-"))
        self.workspace = self.base / "work"
        self.environ: Dict[str, str] = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.base),
            "AFT_HOME": str(self.base / "store"),
            "AFT_RUNTIME_DIR": str(self.base / "run"),
            "AFT_CONFIG": str(self.base / "config.toml"),
            "NO_COLOR": "1",
        }
        # A copy, so that a build in the middle of a test does not pull the binary away.
        self.aft = self.base / "aft"
        try:
            os.link(source, self.aft)
        except OSError:
            shutil.copy2(source, self.aft)
        self.workspace.mkdir()

    def __enter__(self) -> "Daemon":
        try:
            self.run("watch", str(self.workspace), "--detach")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a command of `aft` against this daemon."""
        done = subprocess.run(
            [str(self.aft), *arguments],
            cwd=self.workspace,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"aft {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def sync(self) -> None:
        """Returns when everything written before is in the history."""
        self.run("sync")

    def write(self, name: str, text: str) -> None:
        """Writes a file, as one operation."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.sync()

    def stop(self) -> None:
        """Ends the daemon and removes everything."""
        try:
            self.run("daemon", "stop", check=False)
        finally:
            shutil.rmtree(self.base, ignore_errors=True)
