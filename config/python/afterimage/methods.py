"""Every method of the daemon with its parameters.

Made by `generate.py` from the OpenRPC document. Edit the daemon's types, not this file.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union, cast

from .types import *  # noqa: F403 - the names of the generated types
from .wire import PathLike

Caller = Callable[[str, Dict[str, Any]], Any]

# Every method and the sockets that serve it.
METHODS: Dict[str, Tuple[str, ...]] = {
    "hello": ("editor", "agent", "control",),
    "workspace.add": ("control",),
    "workspace.list": ("editor", "agent", "control",),
    "workspace.status": ("editor", "agent", "control",),
    "workspace.remove": ("control",),
    "sync": ("agent", "control",),
    "session.start": ("agent", "control",),
    "session.end": ("agent", "control",),
    "session.list": ("editor", "agent", "control",),
    "session.show": ("editor", "agent", "control",),
    "turn.start": ("agent", "control",),
    "turn.end": ("agent", "control",),
    "edit.begin": ("agent", "control",),
    "edit.end": ("agent", "control",),
    "history.list": ("editor", "agent", "control",),
    "history.poll": ("editor", "agent", "control",),
    "operation.show": ("editor", "agent", "control",),
    "diff": ("editor", "agent", "control",),
    "file.history": ("editor", "agent", "control",),
    "file.read": ("editor", "agent", "control",),
    "tree.list": ("editor", "agent", "control",),
    "blame": ("editor", "agent", "control",),
    "checkpoint.create": ("agent", "control",),
    "checkpoint.list": ("editor", "agent", "control",),
    "checkpoint.show": ("editor", "agent", "control",),
    "checkpoint.update": ("control",),
    "checkpoint.delete": ("control",),
    "milestone.create": ("agent", "control",),
    "milestone.list": ("editor", "agent", "control",),
    "milestone.show": ("editor", "agent", "control",),
    "milestone.verify": ("agent", "control",),
    "milestone.update": ("control",),
    "milestone.delete": ("control",),
    "milestone.export": ("control",),
    "milestone.import": ("control",),
    "undo": ("agent", "control",),
    "redo": ("agent", "control",),
    "rollback.plan": ("agent", "control",),
    "rollback.apply": ("agent", "control",),
    "rollback.resume": ("agent", "control",),
    "rollback.revert": ("agent", "control",),
    "trust.show": ("control",),
    "trust.approve": ("control",),
    "verify.run": ("agent", "control",),
    "verify.list": ("editor", "agent", "control",),
    "verify.suggest": ("editor", "agent", "control",),
    "verify.cancel": ("agent", "control",),
    "verify.bisect": ("control",),
    "events.subscribe": ("editor", "agent", "control",),
    "events.unsubscribe": ("editor", "agent", "control",),
    "daemon.status": ("editor", "agent", "control",),
    "daemon.stop": ("control",),
    "daemon.logs": ("control",),
    "store.stats": ("editor", "agent", "control",),
    "store.check": ("control",),
    "store.gc": ("control",),
    "purge": ("control",),
    "audit.list": ("control",),
    "rpc.discover": ("editor", "agent", "control",),
}

# `data.kind` of an error and its code.
ERROR_KINDS: Dict[str, int] = {
    "busy": -32011,
    "corrupt": -32009,
    "detached": -32005,
    "edit_conflict": -32003,
    "forbidden": -32006,
    "invalid": -32602,
    "not_armed": -32004,
    "not_found": -32001,
    "store_full": -32010,
    "too_large": -32008,
    "untrusted": -32007,
    "version_conflict": -32002,
}


class WorkspaceMethods:
    """`workspace.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def add(
        self,
        root: PathLike,
        *,
        force: Optional[bool] = None,
        name: Optional[str] = None,
    ) -> WorkspaceAddResult:
        """Watches a directory tree; takes over the history of a project that was moved there.

        root: Absolute path of the directory.
        force: Also accept `/`, the home directory, and one that holds the store, which is left out.
        name: A name for people.
        Sockets: control.
        """
        return cast("WorkspaceAddResult", self._call("workspace.add", {"root": root, "force": force, "name": name}))

    def list(
        self,
    ) -> WorkspaceListResult:
        """Lists the watched workspaces.

        Sockets: editor, agent, control.
        """
        return cast("WorkspaceListResult", self._call("workspace.list", {}))

    def status(
        self,
        workspace: PathLike,
        *,
        wait_ms: Optional[int] = None,
    ) -> WorkspaceStatusResult:
        """Tells how a workspace is and what its history does not hold.

        workspace: Root path or id; a path inside a workspace means that workspace.
        wait_ms: While it is `arming`, answer only when it no longer is, or after this time.
        Sockets: editor, agent, control.
        """
        return cast("WorkspaceStatusResult", self._call("workspace.status", {"workspace": workspace, "wait_ms": wait_ms}))

    def remove(
        self,
        workspace: PathLike,
        *,
        dry_run: Optional[bool] = None,
        purge: Optional[bool] = None,
    ) -> WorkspaceRemoveResult:
        """Stops watching; deletes the history where asked.

        workspace: Root path or id.
        dry_run: Only say which one it would be.
        purge: Also delete its history; that of a directory which is no longer watched, too.
        Sockets: control.
        """
        return cast("WorkspaceRemoveResult", self._call("workspace.remove", {"workspace": workspace, "dry_run": dry_run, "purge": purge}))


class SessionMethods:
    """`session.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def start(
        self,
        workspace: PathLike,
        agent: str,
        *,
        attach: Optional[bool] = None,
        label: Optional[str] = None,
        metadata: Any = None,
        parent: Optional[str] = None,
        pid: Optional[int] = None,
        session: Optional[str] = None,
    ) -> SessionView:
        """Begins the run of an agent.

        workspace: Root path or id; a path inside a workspace means that workspace.
        agent: Name of the agent.
        attach: End it when this connection closes.
        label: For people.
        metadata: Anything; an object.
        parent: The session that started this one.
        pid: Its process, whose children's writes are its own where the kernel tells.
        session: The id it is to have, so that a client that keeps nothing (a hook, which is a new process
            each time) finds it again: 8 to 200 letters, digits, `.`, `_`, `:` or `-`, with a `:` among
            them, and not to be guessed where others must not join. An open session of this id is what is
            answered, one that has ended goes on; without it an id is made up.
        Sockets: agent, control.
        """
        return cast("SessionView", self._call("session.start", {"workspace": workspace, "agent": agent, "attach": attach, "label": label, "metadata": metadata, "parent": parent, "pid": pid, "session": session}))

    def end(
        self,
        session: str,
        *,
        workspace: Optional[PathLike] = None,
    ) -> SessionView:
        """Ends a session, its open turn and its open edits.

        session: Its id.
        workspace: Root path or id, where the session's id alone does not say.
        Sockets: agent, control.
        """
        return cast("SessionView", self._call("session.end", {"session": session, "workspace": workspace}))

    def list(
        self,
        workspace: PathLike,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        open: Optional[bool] = None,
    ) -> SessionListResult:
        """Lists sessions, newest first.

        workspace: Root path or id; a path inside a workspace means that workspace.
        cursor: From the answer before.
        limit: Most sessions in the answer.
        open: Only open ones.
        Sockets: editor, agent, control.
        """
        return cast("SessionListResult", self._call("session.list", {"workspace": workspace, "cursor": cursor, "limit": limit, "open": open}))

    def show(
        self,
        session: str,
        *,
        cursor: Optional[str] = None,
        level: Optional[ViewLevel] = None,
        limit: Optional[int] = None,
        paths: Optional[Sequence[PathLike]] = None,
        view: Optional[DiffDetail] = None,
        workspace: Optional[PathLike] = None,
    ) -> SessionShowResult:
        """Shows a session, with what it changed where asked.

        session: Its id. An author (`unknown`, `human`, `agent:NAME`) means the newest operations of that
            author that belong to no session; that needs `workspace`.
        cursor: From the answer before.
        level: How much of the way the view shows.
        limit: Most entries of the view in the answer.
        paths: Only changes at or beneath these.
        view: Also what it changed: `stat` and `unified` give the result's `view`, `none` does not.
        workspace: Root path or id, where the session's id alone does not say.
        Sockets: editor, agent, control.
        """
        return cast("SessionShowResult", self._call("session.show", {"session": session, "cursor": cursor, "level": level, "limit": limit, "paths": paths, "view": view, "workspace": workspace}))


class TurnMethods:
    """`turn.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def start(
        self,
        *,
        label: Optional[str] = None,
        prompt_id: Optional[str] = None,
        session: Optional[str] = None,
        tell: Optional[bool] = None,
        workspace: Optional[PathLike] = None,
    ) -> TurnStartResult:
        """Begins a turn of a session.

        label: For people.
        prompt_id: The agent's own id of the prompt.
        session: The session; without it an implicit one of the command line that lives until ended.
        tell: Also tell what others took back since the session was last told.
        workspace: Root path or id; needed without a session.
        Sockets: agent, control.
        """
        return cast("TurnStartResult", self._call("turn.start", {"label": label, "prompt_id": prompt_id, "session": session, "tell": tell, "workspace": workspace}))

    def end(
        self,
        *,
        no_wait: Optional[bool] = None,
        session: Optional[str] = None,
        turn: Optional[str] = None,
        workspace: Optional[PathLike] = None,
    ) -> TurnEndResult:
        """Ends a turn; waits for its checks.

        no_wait: Do not wait for its checks and for what the rules do.
        session: The session whose open turn ends; the implicit one without it.
        turn: The turn; the open one without it.
        workspace: Root path or id; needed without a session.
        Sockets: agent, control.
        """
        return cast("TurnEndResult", self._call("turn.end", {"no_wait": no_wait, "session": session, "turn": turn, "workspace": workspace}))


class EditMethods:
    """`edit.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def begin(
        self,
        session: str,
        *,
        command: Optional[str] = None,
        paths: Optional[Sequence[PathLike]] = None,
        tell: Optional[bool] = None,
        tool: Optional[str] = None,
        tool_use_id: Optional[str] = None,
        workspace: Optional[PathLike] = None,
    ) -> EditBeginResult:
        """Captures before a tool call.

        session: The session.
        command: The command that a shell is about to run. Before one that may take something away, the
            state is given a name.
        paths: What the tool will write; anything without it.
        tell: Also tell what others took back since the session was last told.
        tool: Name of the tool.
        tool_use_id: The agent's own id of the call; names the bracket at its end.
        workspace: Root path or id, where the session's id alone does not say.
        Sockets: agent, control.
        """
        return cast("EditBeginResult", self._call("edit.begin", {"session": session, "command": command, "paths": paths, "tell": tell, "tool": tool, "tool_use_id": tool_use_id, "workspace": workspace}))

    def end(
        self,
        *,
        edit: Optional[str] = None,
        paths: Optional[Sequence[PathLike]] = None,
        session: Optional[str] = None,
        success: Optional[bool] = None,
        tell: Optional[bool] = None,
        tool: Optional[str] = None,
        tool_use_id: Optional[str] = None,
        workspace: Optional[PathLike] = None,
    ) -> EditEndResult:
        """Captures after a tool call and records what it did.

        edit: From `edit.begin`.
        paths: What the tool wrote, where it is known only now.
        session: The session.
        success: Whether the tool succeeded.
        tell: Also tell what others took back since the session was last told.
        tool: Name of the tool.
        tool_use_id: The agent's own id of the call.
        workspace: Root path or id, where the session's id alone does not say.
        Sockets: agent, control.
        """
        return cast("EditEndResult", self._call("edit.end", {"edit": edit, "paths": paths, "session": session, "success": success, "tell": tell, "tool": tool, "tool_use_id": tool_use_id, "workspace": workspace}))


class HistoryMethods:
    """`history.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def list(
        self,
        workspace: PathLike,
        *,
        branch: Optional[str] = None,
        changes_limit: Optional[int] = None,
        cursor: Optional[str] = None,
        kind: Optional[Kind] = None,
        limit: Optional[int] = None,
        path: Optional[PathLike] = None,
        paths: Optional[Sequence[PathLike]] = None,
        session: Optional[str] = None,
        since: Optional[Point] = None,
        stat: Optional[bool] = None,
        turn: Optional[str] = None,
        until: Optional[Point] = None,
    ) -> HistoryListResult:
        """Lists operations, newest first.

        workspace: Root path or id; a path inside a workspace means that workspace.
        branch: Only of this branch.
        changes_limit: Most changes shown of each operation; 10 without it. `n_changes` tells how many there
            are.
        cursor: From the answer before.
        kind: Only of this kind.
        limit: Most operations in the answer; 50 without it.
        path: Only operations that changed this path or something beneath it.
        paths: Like `path`, for any of several.
        session: Only of this session.
        since: Only after this point.
        stat: Count lines added and removed of each change shown.
        turn: Only of this turn; `-1` is the last one.
        until: Only up to this point.
        Sockets: editor, agent, control.
        """
        return cast("HistoryListResult", self._call("history.list", {"workspace": workspace, "branch": branch, "changes_limit": changes_limit, "cursor": cursor, "kind": kind, "limit": limit, "path": path, "paths": paths, "session": session, "since": since, "stat": stat, "turn": turn, "until": until}))

    def poll(
        self,
        workspace: PathLike,
        *,
        clock: Optional[str] = None,
        limit: Optional[int] = None,
        wait_ms: Optional[int] = None,
    ) -> HistoryPollResult:
        """Gives the operations after a clock, waiting for one if asked.

        workspace: Root path or id; a path inside a workspace means that workspace.
        clock: From an answer before; without it, or with one the daemon does not know, the answer is
            `fresh_instance` and brings the newest operations.
        limit: Most operations in the answer; the clock then stands at the last one given.
        wait_ms: Wait this long for something newer than `clock`.
        Sockets: editor, agent, control.
        """
        return cast("HistoryPollResult", self._call("history.poll", {"workspace": workspace, "clock": clock, "limit": limit, "wait_ms": wait_ms}))


class OperationMethods:
    """`operation.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def show(
        self,
        workspace: PathLike,
        operation: Point,
        *,
        cursor: Optional[str] = None,
        diff: Optional[DiffDetail] = None,
        limit: Optional[int] = None,
        paths: Optional[Sequence[PathLike]] = None,
    ) -> OperationShowResult:
        """Shows an operation with its diffs.

        workspace: Root path or id; a path inside a workspace means that workspace.
        operation: Its number, or a point that ends at it (`@`, `@-1`).
        cursor: From the answer before.
        diff: How much of the diff to show.
        limit: Most changes in the answer.
        paths: Only changes at or beneath these.
        Sockets: editor, agent, control.
        """
        return cast("OperationShowResult", self._call("operation.show", {"workspace": workspace, "operation": operation, "cursor": cursor, "diff": diff, "limit": limit, "paths": paths}))


class FileMethods:
    """`file.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def history(
        self,
        workspace: PathLike,
        path: PathLike,
        *,
        cursor: Optional[str] = None,
        follow: Optional[bool] = None,
        limit: Optional[int] = None,
    ) -> FileHistoryResult:
        """Lists the versions of one file, deletions included.

        workspace: Root path or id; a path inside a workspace means that workspace.
        path: The file, which may be gone.
        cursor: From the answer before.
        follow: Goes on with the file that was moved here, where one was, instead of what stood at this path
            before.
        limit: Most versions in the answer.
        Sockets: editor, agent, control.
        """
        return cast("FileHistoryResult", self._call("file.history", {"workspace": workspace, "path": path, "cursor": cursor, "follow": follow, "limit": limit}))

    def read(
        self,
        workspace: PathLike,
        path: PathLike,
        *,
        at: Optional[Point] = None,
        length: Optional[int] = None,
        offset: Optional[int] = None,
    ) -> FileReadResult:
        """Reads a file as it was.

        workspace: Root path or id; a path inside a workspace means that workspace.
        path: The file.
        at: When; `@` without it.
        length: Most bytes wanted; the daemon may give fewer.
        offset: First byte wanted.
        Sockets: editor, agent, control.
        """
        return cast("FileReadResult", self._call("file.read", {"workspace": workspace, "path": path, "at": at, "length": length, "offset": offset}))


class TreeMethods:
    """`tree.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def list(
        self,
        workspace: PathLike,
        *,
        at: Optional[Point] = None,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        prefix: Optional[PathLike] = None,
    ) -> TreeListResult:
        """Lists the tree as it was.

        workspace: Root path or id; a path inside a workspace means that workspace.
        at: When; `@` without it.
        cursor: From the answer before.
        limit: Most entries in the answer.
        prefix: Only at or beneath this; the whole tree without it.
        Sockets: editor, agent, control.
        """
        return cast("TreeListResult", self._call("tree.list", {"workspace": workspace, "at": at, "cursor": cursor, "limit": limit, "prefix": prefix}))


class CheckpointMethods:
    """`checkpoint.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def create(
        self,
        workspace: PathLike,
        name: str,
        *,
        at: Optional[Point] = None,
        force: Optional[bool] = None,
        keep: Optional[KeepClass] = None,
        message: Optional[str] = None,
        metadata: Any = None,
        wait_ms: Optional[int] = None,
    ) -> CheckpointView:
        """Names a state; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Unique within the workspace; nothing that reads as a point or a subcommand.
        at: Which state to name; the present one without it.
        force: Move an existing name.
        keep: `user` without it.
        message: A sentence.
        metadata: Anything; an object.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("CheckpointView", self._call("checkpoint.create", {"workspace": workspace, "name": name, "at": at, "force": force, "keep": keep, "message": message, "metadata": metadata, "wait_ms": wait_ms}))

    def list(
        self,
        workspace: PathLike,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> CheckpointListResult:
        """Lists checkpoints, newest first.

        workspace: Root path or id; a path inside a workspace means that workspace.
        cursor: From the answer before.
        limit: Most checkpoints in the answer.
        Sockets: editor, agent, control.
        """
        return cast("CheckpointListResult", self._call("checkpoint.list", {"workspace": workspace, "cursor": cursor, "limit": limit}))

    def show(
        self,
        workspace: PathLike,
        name: str,
    ) -> CheckpointView:
        """Shows a checkpoint.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        Sockets: editor, agent, control.
        """
        return cast("CheckpointView", self._call("checkpoint.show", {"workspace": workspace, "name": name}))

    def update(
        self,
        workspace: PathLike,
        name: str,
        *,
        keep: Optional[KeepClass] = None,
        message: Optional[str] = None,
        metadata: Any = None,
        rename: Optional[str] = None,
    ) -> CheckpointView:
        """Changes a checkpoint's name, sentence, class or metadata.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        keep: A new class.
        message: A new sentence; the empty one takes it away.
        metadata: New metadata.
        rename: A new name.
        Sockets: control.
        """
        return cast("CheckpointView", self._call("checkpoint.update", {"workspace": workspace, "name": name, "keep": keep, "message": message, "metadata": metadata, "rename": rename}))

    def delete(
        self,
        workspace: PathLike,
        name: str,
    ) -> CheckpointView:
        """Takes a name away; the state stays in the history.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        Sockets: control.
        """
        return cast("CheckpointView", self._call("checkpoint.delete", {"workspace": workspace, "name": name}))


class MilestoneMethods:
    """`milestone.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def create(
        self,
        workspace: PathLike,
        name: str,
        *,
        at: Optional[Point] = None,
        force: Optional[bool] = None,
        message: Optional[str] = None,
        metadata: Any = None,
        wait: Optional[bool] = None,
        wait_ms: Optional[int] = None,
    ) -> MilestoneView:
        """Makes a checkpoint that is written down and read back whole; that goes on in the background.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: As for a checkpoint, which it is.
        at: Which state; the present one without it.
        force: Move an existing name.
        message: A sentence.
        metadata: Anything; an object.
        wait: Answer when it is completed or failed, instead of while it is generating.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("MilestoneView", self._call("milestone.create", {"workspace": workspace, "name": name, "at": at, "force": force, "message": message, "metadata": metadata, "wait": wait, "wait_ms": wait_ms}))

    def list(
        self,
        workspace: PathLike,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> MilestoneListResult:
        """Lists milestones, newest first.

        workspace: Root path or id; a path inside a workspace means that workspace.
        cursor: From the answer before.
        limit: Most milestones in the answer.
        Sockets: editor, agent, control.
        """
        return cast("MilestoneListResult", self._call("milestone.list", {"workspace": workspace, "cursor": cursor, "limit": limit}))

    def show(
        self,
        workspace: PathLike,
        name: str,
        *,
        history: Optional[int] = None,
    ) -> MilestoneShowResult:
        """Shows a milestone.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        history: So many operations of its history as well, oldest first, without their changes.
        Sockets: editor, agent, control.
        """
        return cast("MilestoneShowResult", self._call("milestone.show", {"workspace": workspace, "name": name, "history": history}))

    def verify(
        self,
        workspace: PathLike,
        name: str,
    ) -> MilestoneVerifyResult:
        """Reads every byte of a milestone back; makes one that failed anew.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        Sockets: agent, control.
        """
        return cast("MilestoneVerifyResult", self._call("milestone.verify", {"workspace": workspace, "name": name}))

    def update(
        self,
        workspace: PathLike,
        name: str,
        *,
        message: Optional[str] = None,
        metadata: Any = None,
        rename: Optional[str] = None,
    ) -> MilestoneView:
        """Changes a milestone's name, sentence or metadata; its content stays.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        message: A new sentence; the empty one takes it away.
        metadata: New metadata.
        rename: A new name.
        Sockets: control.
        """
        return cast("MilestoneView", self._call("milestone.update", {"workspace": workspace, "name": name, "message": message, "metadata": metadata, "rename": rename}))

    def delete(
        self,
        workspace: PathLike,
        name: str,
    ) -> MilestoneView:
        """Takes a milestone and its name away; the state stays in the history as long as retention keeps it.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        Sockets: control.
        """
        return cast("MilestoneView", self._call("milestone.delete", {"workspace": workspace, "name": name}))

    def export(
        self,
        workspace: PathLike,
        name: str,
        *,
        file: Optional[PathLike] = None,
        force: Optional[bool] = None,
        git: Optional[str] = None,
    ) -> MilestoneExportResult:
        """Writes a milestone into one file, or as a commit on a git branch.

        workspace: Root path or id; a path inside a workspace means that workspace.
        name: Its name.
        file: Absolute path of the file to write; this or `git`.
        force: Replace the file, or go on with a branch that is not one of ours.
        git: Branch of the workspace's git repository to commit to; this or `file`.
        Sockets: control.
        """
        return cast("MilestoneExportResult", self._call("milestone.export", {"workspace": workspace, "name": name, "file": file, "force": force, "git": git}))

    def import_(
        self,
        file: PathLike,
        root: PathLike,
        *,
        force: Optional[bool] = None,
        name: Optional[str] = None,
    ) -> MilestoneImportResult:
        """Restores a milestone's file into a directory, all or nothing.

        file: Absolute path of the file to read.
        root: Absolute path of the directory: a workspace's root, or one that is empty or missing, which is
            then watched.
        force: Move an existing name.
        name: What it is called there; as where it came from without it.
        Sockets: control.
        """
        return cast("MilestoneImportResult", self._call("milestone.import", {"file": file, "root": root, "force": force, "name": name}))


class RollbackMethods:
    """`rollback.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def plan(
        self,
        workspace: PathLike,
        point: Point,
        *,
        cursor: Optional[str] = None,
        hunks: Optional[Sequence[str]] = None,
        limit: Optional[int] = None,
        on_conflict: Optional[OnConflict] = None,
        paths: Optional[Sequence[PathLike]] = None,
        restore: Optional[bool] = None,
        session: Optional[str] = None,
        wait_ms: Optional[int] = None,
    ) -> PlanView:
        """Shows what going to a point would do.

        workspace: Root path or id; a path inside a workspace means that workspace.
        point: Where to go.
        cursor: From the answer before.
        hunks: Take back only these hunks of what changed since the point, by the ids that `diff` with
            `format: hunks` gives; later edits of other lines stay.
        limit: Most steps in the answer.
        on_conflict: What happens to paths in conflict.
        paths: Only at or beneath these; everything without it.
        restore: Put the named paths back (kind `restore`), also those that git ignores.
        session: Take back only what this session did since the point.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("PlanView", self._call("rollback.plan", {"workspace": workspace, "point": point, "cursor": cursor, "hunks": hunks, "limit": limit, "on_conflict": on_conflict, "paths": paths, "restore": restore, "session": session, "wait_ms": wait_ms}))

    def apply(
        self,
        workspace: PathLike,
        *,
        expected_head: Optional[int] = None,
        hunks: Optional[Sequence[str]] = None,
        on_conflict: Optional[OnConflict] = None,
        paths: Optional[Sequence[PathLike]] = None,
        plan: Optional[str] = None,
        point: Optional[Point] = None,
        restore: Optional[bool] = None,
        session: Optional[str] = None,
        wait_ms: Optional[int] = None,
    ) -> TravelResult:
        """Goes to a point; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        expected_head: Refuse with `version_conflict` unless this is the newest operation.
        hunks: Take back only these hunks of what changed since the point, by the ids that `diff` with
            `format: hunks` gives; later edits of other lines stay.
        on_conflict: What happens to paths in conflict.
        paths: Only at or beneath these; everything without it.
        plan: A plan's hash. Refused when the plan would now be another one.
        point: Where to go; the plan is made and applied in one call. With `plan`: as it was planned.
        restore: Put the named paths back (kind `restore`), also those that git ignores.
        session: Take back only what this session did since the point.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("TravelResult", self._call("rollback.apply", {"workspace": workspace, "expected_head": expected_head, "hunks": hunks, "on_conflict": on_conflict, "paths": paths, "plan": plan, "point": point, "restore": restore, "session": session, "wait_ms": wait_ms}))

    def resume(
        self,
        workspace: PathLike,
        *,
        dry_run: Optional[bool] = None,
        expected_head: Optional[int] = None,
        on_conflict: Optional[OnConflict] = None,
        wait_ms: Optional[int] = None,
    ) -> TravelResult:
        """Does what the last way back could not do, where it was partly done; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        dry_run: Answer with the plan and touch nothing.
        expected_head: Refuse with `version_conflict` unless this is the newest operation.
        on_conflict: What happens to paths in conflict.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("TravelResult", self._call("rollback.resume", {"workspace": workspace, "dry_run": dry_run, "expected_head": expected_head, "on_conflict": on_conflict, "wait_ms": wait_ms}))

    def revert(
        self,
        workspace: PathLike,
        *,
        dry_run: Optional[bool] = None,
        expected_head: Optional[int] = None,
        on_conflict: Optional[OnConflict] = None,
        wait_ms: Optional[int] = None,
    ) -> TravelResult:
        """Takes back what the last way back did, where it was partly done; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        dry_run: Answer with the plan and touch nothing.
        expected_head: Refuse with `version_conflict` unless this is the newest operation.
        on_conflict: What happens to paths in conflict.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("TravelResult", self._call("rollback.revert", {"workspace": workspace, "dry_run": dry_run, "expected_head": expected_head, "on_conflict": on_conflict, "wait_ms": wait_ms}))


class TrustMethods:
    """`trust.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def show(
        self,
        workspace: PathLike,
    ) -> TrustShowResult:
        """Shows what the checks of a workspace would run, and what of that was not approved.

        workspace: Root path or id; a path inside a workspace means that workspace.
        Sockets: control.
        """
        return cast("TrustShowResult", self._call("trust.show", {"workspace": workspace}))

    def approve(
        self,
        workspace: PathLike,
        digest: str,
    ) -> TrustApproveResult:
        """Approves what was shown, byte for byte; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        digest: What `trust.show` gave.
        Sockets: control.
        """
        return cast("TrustApproveResult", self._call("trust.approve", {"workspace": workspace, "digest": digest}))


class VerifyMethods:
    """`verify.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def run(
        self,
        workspace: PathLike,
        *,
        again: Optional[bool] = None,
        at: Optional[Point] = None,
        names: Optional[Sequence[str]] = None,
        wait_ms: Optional[int] = None,
    ) -> VerifyRunResult:
        """Runs checks on one exact state; commands that were not approved do not run.

        workspace: Root path or id; a path inside a workspace means that workspace.
        again: Run checks again that have said something about this state.
        at: The state; the present one without it.
        names: Which checks; all that are configured without it, whatever their `on`.
        wait_ms: Answer after this time though it is still running; 0 answers at once.
        Sockets: agent, control.
        """
        return cast("VerifyRunResult", self._call("verify.run", {"workspace": workspace, "again": again, "at": at, "names": names, "wait_ms": wait_ms}))

    def list(
        self,
        workspace: PathLike,
        *,
        at: Optional[Point] = None,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        name: Optional[str] = None,
        run: Optional[int] = None,
    ) -> VerifyListResult:
        """Lists what checks said, newest first.

        workspace: Root path or id; a path inside a workspace means that workspace.
        at: Only those of this state.
        cursor: From the answer before.
        limit: Most verdicts in the answer.
        name: Only those of this check.
        run: `running` is this run, also when it is the one that ended last.
        Sockets: editor, agent, control.
        """
        return cast("VerifyListResult", self._call("verify.list", {"workspace": workspace, "at": at, "cursor": cursor, "limit": limit, "name": name, "run": run}))

    def suggest(
        self,
        workspace: PathLike,
    ) -> VerifySuggestResult:
        """Proposes checks for this kind of project.

        workspace: Root path or id; a path inside a workspace means that workspace.
        Sockets: editor, agent, control.
        """
        return cast("VerifySuggestResult", self._call("verify.suggest", {"workspace": workspace}))

    def cancel(
        self,
        workspace: PathLike,
        *,
        run: Optional[int] = None,
    ) -> VerifyCancelResult:
        """Ends runs of checks.

        workspace: Root path or id; a path inside a workspace means that workspace.
        run: The run; all that run or wait without it.
        Sockets: agent, control.
        """
        return cast("VerifyCancelResult", self._call("verify.cancel", {"workspace": workspace, "run": run}))

    def bisect(
        self,
        workspace: PathLike,
        *,
        at_once: Optional[int] = None,
        bad: Optional[Point] = None,
        command: Optional[Sequence[str]] = None,
        good: Optional[Point] = None,
        hunks: Optional[bool] = None,
        name: Optional[str] = None,
        timeout_ms: Optional[int] = None,
    ) -> VerifyBisectResult:
        """Finds the operation after which a check fails, in copies; the workspace is not touched.

        workspace: Root path or id; a path inside a workspace means that workspace.
        at_once: How many states are looked at together; as many as suits the machine without it.
        bad: A later state that is bad; the present one without it.
        command: A program and its arguments, run at the root of each state. Exit 0 is good, 1 to 124 bad,
            125 to 127 say nothing, others end the search.
        good: A state that is good; the last good one without it.
        hunks: Also which hunks of the operation did it.
        name: A check of the configuration.
        timeout_ms: After this a command is stopped and its state is passed over; a minute without it.
        Sockets: control.
        """
        return cast("VerifyBisectResult", self._call("verify.bisect", {"workspace": workspace, "at_once": at_once, "bad": bad, "command": command, "good": good, "hunks": hunks, "name": name, "timeout_ms": timeout_ms}))


class EventsMethods:
    """`events.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def subscribe(
        self,
        *,
        after: Optional[str] = None,
        events: Optional[Sequence[EventName]] = None,
        workspace: Optional[PathLike] = None,
    ) -> EventsSubscribeResult:
        """Sends notifications from now on.

        after: A clock; what came after it is sent first, as far as it is still held, and before any later
            request of this connection is answered. An unknown one (the empty one, say) brings everything
            that is held, with `fresh_instance`. Without it only what is new is sent.
        events: Only these; all without it.
        workspace: Root path or id; every workspace without it.
        Sockets: editor, agent, control.
        """
        return cast("EventsSubscribeResult", self._call("events.subscribe", {"after": after, "events": events, "workspace": workspace}))

    def unsubscribe(
        self,
        subscription: str,
    ) -> EventsUnsubscribeResult:
        """Ends a subscription.

        subscription: From `events.subscribe`.
        Sockets: editor, agent, control.
        """
        return cast("EventsUnsubscribeResult", self._call("events.unsubscribe", {"subscription": subscription}))


class DaemonMethods:
    """`daemon.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def status(
        self,
    ) -> DaemonStatusResult:
        """Tells about the daemon's process.

        Sockets: editor, agent, control.
        """
        return cast("DaemonStatusResult", self._call("daemon.status", {}))

    def stop(
        self,
    ) -> DaemonStopResult:
        """Saves everything and ends the daemon.

        Sockets: control.
        """
        return cast("DaemonStopResult", self._call("daemon.stop", {}))

    def logs(
        self,
        *,
        lines: Optional[int] = None,
    ) -> DaemonLogsResult:
        """Gives the last lines of the daemon's log.

        lines: Most lines, from the end; 100 without it.
        Sockets: control.
        """
        return cast("DaemonLogsResult", self._call("daemon.logs", {"lines": lines}))


class StoreMethods:
    """`store.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def stats(
        self,
        *,
        workspace: Optional[PathLike] = None,
    ) -> StoreStatsResult:
        """Tells what the store holds and takes.

        workspace: Root path or id; the whole store without it.
        Sockets: editor, agent, control.
        """
        return cast("StoreStatsResult", self._call("store.stats", {"workspace": workspace}))

    def check(
        self,
        *,
        read_data: Optional[bool] = None,
    ) -> StoreCheckResult:
        """Checks the store's integrity.

        read_data: Also decode and hash every content.
        Sockets: control.
        """
        return cast("StoreCheckResult", self._call("store.check", {"read_data": read_data}))

    def gc(
        self,
        *,
        dry_run: Optional[bool] = None,
        workspace: Optional[PathLike] = None,
    ) -> StoreGcResult:
        """Merges operations by age and removes what nothing names any more.

        dry_run: Only tell what would be done.
        workspace: Root path or id; every workspace without it.
        Sockets: control.
        """
        return cast("StoreGcResult", self._call("store.gc", {"dry_run": dry_run, "workspace": workspace}))


class AuditMethods:
    """`audit.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def list(
        self,
        *,
        cursor: Optional[str] = None,
        limit: Optional[int] = None,
        method: Optional[str] = None,
        refused: Optional[bool] = None,
        since: Optional[Point] = None,
        socket: Optional[Role] = None,
        workspace: Optional[PathLike] = None,
    ) -> AuditListResult:
        """Lists who changed what, over all workspaces, newest first.

        cursor: From the page before.
        limit: At most that many; 50 without it, 1000 at most.
        method: A method's name, or a family as `checkpoint.`.
        refused: Only what did not succeed.
        since: Not older than that: a time, or how long ago.
        socket: Only what came by this socket.
        workspace: Root path or id; every workspace without it, also those that are no longer watched.
        Sockets: control.
        """
        return cast("AuditListResult", self._call("audit.list", {"cursor": cursor, "limit": limit, "method": method, "refused": refused, "since": since, "socket": socket, "workspace": workspace}))


class RpcMethods:
    """`rpc.*`."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def discover(
        self,
    ) -> Any:
        """Returns the OpenRPC document.

        Sockets: editor, agent, control.
        """
        return self._call("rpc.discover", {})


class Methods:
    """Every method. The connection gives `call`."""

    def __init__(self) -> None:
        self.workspace = WorkspaceMethods(self.call)
        self.session = SessionMethods(self.call)
        self.turn = TurnMethods(self.call)
        self.edit = EditMethods(self.call)
        self.history = HistoryMethods(self.call)
        self.operation = OperationMethods(self.call)
        self.file = FileMethods(self.call)
        self.tree = TreeMethods(self.call)
        self.checkpoint = CheckpointMethods(self.call)
        self.milestone = MilestoneMethods(self.call)
        self.rollback = RollbackMethods(self.call)
        self.trust = TrustMethods(self.call)
        self.verify = VerifyMethods(self.call)
        self.events = EventsMethods(self.call)
        self.daemon = DaemonMethods(self.call)
        self.store = StoreMethods(self.call)
        self.audit = AuditMethods(self.call)
        self.rpc = RpcMethods(self.call)

    def call(self, method: str, params: Optional[Dict[str, Any]] = None) -> Any:
        """Calls a method by its name."""
        raise NotImplementedError

    def hello(
        self,
        *,
        build: Optional[str] = None,
        client: Optional[str] = None,
        version: Optional[str] = None,
    ) -> HelloResult:
        """Says who is there. First on control.sock, where it carries an open of control.key; optional elsewhere.

        build: Which build of that version, where the client is the `aft` binary itself.
        client: Name of the client, for the audit log.
        version: Version of the client. A daemon of another version restarts itself when nothing is under
            way.
        Sockets: editor, agent, control.
        """
        return cast("HelloResult", self.call("hello", {"build": build, "client": client, "version": version}))

    def sync(
        self,
        workspace: PathLike,
        *,
        durable: Optional[bool] = None,
        strict: Optional[bool] = None,
        wait_ms: Optional[int] = None,
    ) -> SyncResult:
        """Answers when every write that returned before the call is in the history.

        workspace: Root path or id; a path inside a workspace means that workspace.
        durable: Also on disk.
        strict: Look at every file instead of trusting events.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("SyncResult", self.call("sync", {"workspace": workspace, "durable": durable, "strict": strict, "wait_ms": wait_ms}))

    def diff(
        self,
        workspace: PathLike,
        from_: Point,
        *,
        cursor: Optional[str] = None,
        format: Optional[DiffFormat] = None,
        limit: Optional[int] = None,
        paths: Optional[Sequence[PathLike]] = None,
        to: Optional[Point] = None,
    ) -> DiffResult:
        """Shows what differs between two points.

        workspace: Root path or id; a path inside a workspace means that workspace.
        from_: The earlier point.
        cursor: From the answer before.
        format: Form.
        limit: Most files in the answer.
        paths: Only at or beneath these.
        to: The later point; `@` without it.
        Sockets: editor, agent, control.
        """
        return cast("DiffResult", self.call("diff", {"workspace": workspace, "from": from_, "cursor": cursor, "format": format, "limit": limit, "paths": paths, "to": to}))

    def blame(
        self,
        workspace: PathLike,
        path: PathLike,
        *,
        at: Optional[Point] = None,
    ) -> BlameResult:
        """Tells which operation wrote each line of a file.

        workspace: Root path or id; a path inside a workspace means that workspace.
        path: The file.
        at: As it was then; `@` without it.
        Sockets: editor, agent, control.
        """
        return cast("BlameResult", self.call("blame", {"workspace": workspace, "path": path, "at": at}))

    def undo(
        self,
        workspace: PathLike,
        *,
        count: Optional[int] = None,
        dry_run: Optional[bool] = None,
        expected_head: Optional[int] = None,
        hunks: Optional[Sequence[str]] = None,
        on_conflict: Optional[OnConflict] = None,
        operation: Optional[Point] = None,
        session: Optional[str] = None,
        turn: Optional[str] = None,
        wait_ms: Optional[int] = None,
    ) -> TravelResult:
        """Takes operations back; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        count: That many operations, as one; 1 without it.
        dry_run: Answer with the plan and touch nothing.
        expected_head: Refuse with `version_conflict` unless this is the newest operation.
        hunks: With `operation`: only these hunks of it, by the ids that `operation.show` with `diff: hunks`
            gives. Recorded as `rollback`.
        on_conflict: What happens to paths in conflict.
        operation: One operation, possibly in the middle: later edits are kept.
        session: Only what this session did.
        turn: A whole turn; `-1` is the last one.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("TravelResult", self.call("undo", {"workspace": workspace, "count": count, "dry_run": dry_run, "expected_head": expected_head, "hunks": hunks, "on_conflict": on_conflict, "operation": operation, "session": session, "turn": turn, "wait_ms": wait_ms}))

    def redo(
        self,
        workspace: PathLike,
        *,
        count: Optional[int] = None,
        dry_run: Optional[bool] = None,
        expected_head: Optional[int] = None,
        on_conflict: Optional[OnConflict] = None,
        wait_ms: Optional[int] = None,
    ) -> TravelResult:
        """Takes an undo back; durable when answered.

        workspace: Root path or id; a path inside a workspace means that workspace.
        count: That many undos; 1 without it.
        dry_run: Answer with the plan and touch nothing.
        expected_head: Refuse with `version_conflict` unless this is the newest operation.
        on_conflict: What happens to paths in conflict.
        wait_ms: Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
        Sockets: agent, control.
        """
        return cast("TravelResult", self.call("redo", {"workspace": workspace, "count": count, "dry_run": dry_run, "expected_head": expected_head, "on_conflict": on_conflict, "wait_ms": wait_ms}))

    def purge(
        self,
        workspace: PathLike,
        path: PathLike,
        *,
        dry_run: Optional[bool] = None,
    ) -> PurgeResult:
        """Removes a path from all history, and proves it.

        workspace: Root path or id.
        path: A file or a directory, relative to the root.
        dry_run: Only tell what would be removed.
        Sockets: control.
        """
        return cast("PurgeResult", self.call("purge", {"workspace": workspace, "path": path, "dry_run": dry_run}))
