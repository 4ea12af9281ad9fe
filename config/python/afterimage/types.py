"""What the daemon answers, as types: JSON as it came, for a type checker only.

Made by `generate.py` from the OpenRPC document. Edit the daemon's types, not this file.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union


class Base64(TypedDict):
    """Bytes that are not UTF-8. `afterimage.as_bytes` and `afterimage.as_name` read them."""

    base64: str


# Content; base64 when it is not UTF-8.
Bytes = Union[str, Base64]

# How much of a diff an operation is shown with.
DiffDetail = Literal["none", "stat", "unified"]

# Form of a diff.
DiffFormat = Literal["unified", "stat", "hunks"]

# Name of an event.
EventName = Literal["snapshot:created", "snapshot:rollback", "snapshot:milestone", "snapshot:compression", "snapshot:cleanup", "experiment:branch-created", "experiment:branch-merged", "verify:started", "verify:finished", "session:started", "session:ended", "workspace:state", "sync:state", "edit:overlap"]

# How a fence was made sure.
Fence = Literal["cookie", "rescan", "strict"]

# How long a checkpoint is kept.
KeepClass = Literal["permanent", "session", "until-verified", "user"]

# Why an operation is there.
Kind = Literal["observed", "edit", "undo", "redo", "rollback", "restore", "merge", "switch", "gap", "baseline"]

# How far a milestone is.
MilestoneStatus = Literal["generating", "completed", "failed"]

# What happens to paths in conflict.
OnConflict = Literal["refuse", "keep", "markers", "force"]

# A path relative to the workspace's root with `/`; base64 when it is not UTF-8.
Path = Union[str, Base64]

# A moment: `@`, `@-3`, an operation's number, a checkpoint's name, `good`, `10m`, an RFC 3339 time,
# `turn:-1` or `session:ID`.
Point = Union[str, int]

# What a socket is for.
Role = Literal["editor", "agent", "control"]

# What is there.
StateKind = Literal["absent", "file", "symlink", "dir", "opaque"]

# Word for [`SyncStatus`].
SyncState = Literal["idle", "saving", "saved", "error"]

# RFC 3339 in UTC with nanoseconds.
Time = str

# How much of a session's way its view shows. The operations themselves stay in the history in any
# case.
ViewLevel = Literal["net", "steps"]

# Whether changes are caught.
WorkspaceState = Literal["arming", "armed", "degraded", "detached"]


class _BlameRangeKeys(TypedDict):
    # Who made it.
    author: str
    # How many.
    count: int
    # Why that operation is there.
    kind: Kind
    # The operation that wrote them. What took something back is not told, but who wrote it first.
    operation: int
    # The first of them, counted from 1.
    start: int
    # When it was recorded.
    time: Time


class BlameRange(_BlameRangeKeys, total=False):
    """Lines that follow each other and were written by one operation."""

    # What the file was called then, where that was another name.
    path: Optional[Path]
    # The session it belongs to.
    session: Optional[str]
    # The turn it belongs to.
    turn: Optional[str]


class _BlameResultKeys(TypedDict):
    # Lines in all.
    lines: int
    # The state right after this operation.
    operation: int
    # The file.
    path: Path
    # All lines, in their order.
    ranges: List[BlameRange]


class BlameResult(_BlameResultKeys, total=False):
    """Result of `blame`."""

    # Some lines may be older than is told: a content is not held any more, or a comparison was given up.
    approximate: bool


class _ChangeViewKeys(TypedDict):
    # What it became.
    after: StateView
    # What it was.
    before: StateView
    # The path.
    path: Path


class ChangeView(_ChangeViewKeys, total=False):
    """One path's transition, with as much of its diff as was asked for."""

    # Unified diff that `git apply` and `patch -p1` accept, or a piece of it. Binary content stands in it
    # as git writes it, which `patch` leaves out.
    diff: Optional[Bytes]
    # Where the piece begins, when `diff` is only a piece.
    diff_offset: Optional[int]
    # Length of the whole diff in bytes, when `diff` is only a piece.
    diff_total: Optional[int]
    # The hunks, where asked for.
    hunks: Optional[List[HunkView]]
    # A diff was asked for and does not hold all of the change: its content is too large, is not in the
    # history, or found no room in this answer (then there is no `diff`; ask for this path alone).
    incomplete: bool
    # Where it was moved from.
    renamed_from: Optional[Path]
    # The path holds a secret: nothing of its content is told on this socket, no hash, size, stat or diff.
    sealed: bool
    # Lines added and removed, where counted.
    stat: Optional[LineStat]


class _CheckpointListResultKeys(TypedDict):
    # Newest first.
    checkpoints: List[CheckpointView]


class CheckpointListResult(_CheckpointListResultKeys, total=False):
    """Result of `checkpoint.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class _CheckpointViewKeys(TypedDict):
    # Their bytes.
    bytes: int
    # Its name.
    checkpoint: str
    # Files and links in the tree at that point.
    files: int
    # How long it is kept.
    keep: KeepClass
    # The state right after this operation.
    operation: int
    # When it was made.
    time: Time


class CheckpointView(_CheckpointViewKeys, total=False):
    """A checkpoint; result of `checkpoint.create`, `.show`, `.update` and `.delete`."""

    # Lines of text; null until counted.
    lines: Optional[int]
    # A sentence.
    message: Optional[str]
    # Anything; an object.
    metadata: Any
    # Tokens, estimated; null until counted.
    tokens: Optional[int]
    # Words; null until counted.
    words: Optional[int]


class ConflictView(TypedDict):
    """A path that must not be changed."""

    # A sentence.
    message: str
    # The path.
    path: Path
    # `changed-later`, `changed-now`, `not-captured`, `content-damaged`, `not-writable`, `unsafe`,
    # `directory-in-use`, `same-name`, or `conflict-markers` for a file that holds both sides now.
    reason: str


class DaemonLogsResult(TypedDict):
    """Result of `daemon.logs`."""

    # The newest log file.
    file: Path
    # Oldest first.
    lines: List[str]


class _DaemonStatusResultKeys(TypedDict):
    # Where the store is.
    home: Path
    # Changes whenever it starts.
    instance: str
    # Resident memory.
    memory_bytes: int
    # How many connections are open.
    n_connections: int
    # How many workspaces it watches.
    n_workspaces: int
    # Its process.
    pid: int
    # Where the sockets are.
    runtime_dir: Path
    # When it started.
    started: Time
    # Seconds since it started.
    uptime: float
    # Its version.
    version: str


class DaemonStatusResult(_DaemonStatusResultKeys, total=False):
    """Result of `daemon.status`."""

    # Which build of that version.
    build: Optional[str]


class DaemonStopResult(TypedDict):
    """Result of `daemon.stop`: everything is saved and the process ends once the answer is sent."""

    # The process that ends.
    pid: int


_DiffResultKeys = TypedDict("_DiffResultKeys", {"files": "List[ChangeView]", "from": "int", "n_files": "int", "to": "int"})
_DiffResultMore = TypedDict("_DiffResultMore", {"cursor": "Optional[str]"}, total=False)


class DiffResult(_DiffResultKeys, _DiffResultMore):
    """Result of `diff`."""


class _EditBeginResultKeys(TypedDict):
    # Its id.
    edit: str


class EditBeginResult(_EditBeginResultKeys, total=False):
    """Result of `edit.begin`."""

    # With `tell`: what others took back, oldest first.
    taken_back: List[TakenBack]


class _EditEndResultKeys(TypedDict):
    # Its id.
    edit: str
    # Operations that were recorded for the bracket.
    operations: List[int]


class EditEndResult(_EditEndResultKeys, total=False):
    """Result of `edit.end`."""

    # With `tell`: what others took back, oldest first.
    taken_back: List[TakenBack]


class EventsSubscribeResult(TypedDict):
    """Result of `events.subscribe`."""

    # `after` is not known here: there may be events that were missed.
    fresh_instance: bool
    # For `events.unsubscribe`.
    subscription: str


class EventsUnsubscribeResult(TypedDict, total=False):
    """Result of `events.unsubscribe`."""



class _FileHistoryResultKeys(TypedDict):
    # The file.
    path: Path
    # Newest first, deletions included.
    versions: List[VersionView]


class FileHistoryResult(_FileHistoryResultKeys, total=False):
    """Result of `file.history`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class _FileReadResultKeys(TypedDict):
    # The bytes, or a link's target. It ends at `offset` + its length; there is more while that is less
    # than `size`.
    content: Bytes
    # BLAKE3 of all bytes.
    hash: str
    # Where `content` begins.
    offset: int
    # The state right after this operation.
    operation: int
    # The file.
    path: Path
    # Bytes in all.
    size: int
    # `file` or `symlink`; anything else has no content and is an error.
    type: StateKind


class FileReadResult(_FileReadResultKeys, total=False):
    """Result of `file.read`."""

    # Permission bits of a file.
    mode: Optional[int]


class _GitExportKeys(TypedDict):
    # The branch.
    branch: str
    # The commit.
    commit: str


class GitExport(_GitExportKeys, total=False):
    """A commit that was made of a milestone."""

    # The commit that was the branch's before.
    parent: Optional[str]


class HeadMove(TypedDict):
    """The repository's HEAD was elsewhere at the target."""

    # HEAD now; it is never written.
    now: HeadView
    # HEAD at the target.
    then: HeadView


class HeadView(TypedDict, total=False):
    """The repository's HEAD as it was read."""

    # Branch name; absent when detached.
    branch: Optional[str]
    # Commit; absent on an unborn branch.
    commit: Optional[str]


class _HelloResultKeys(TypedDict):
    # Names of what this daemon can do beyond the protocol's first version.
    capabilities: List[str]
    # Changes whenever the daemon starts.
    instance: str
    # Version of the protocol, 1.
    protocol: int
    # What this connection may do.
    role: Role
    # Version of the daemon.
    version: str


class HelloResult(_HelloResultKeys, total=False):
    """Result of `hello`."""

    # Which build of that version.
    build: Optional[str]


class _HistoryListResultKeys(TypedDict):
    # Newest first.
    operations: List[OperationView]


class HistoryListResult(_HistoryListResultKeys, total=False):
    """Result of `history.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class HistoryPollResult(TypedDict):
    """Result of `history.poll`."""

    # Opaque; pass it next time.
    clock: str
    # The clock that came in means nothing here: start over from what the history holds.
    fresh_instance: bool
    # Oldest first.
    operations: List[OperationView]


class HunkView(TypedDict):
    """One hunk."""

    # Names it in a rollback of single hunks.
    hunk: str
    # Lines after.
    new_lines: int
    # First line after, from 1.
    new_start: int
    # Lines before.
    old_lines: int
    # First line before, from 1.
    old_start: int
    # The lines with ` `, `-` or `+` in front.
    text: Bytes


class LeftOut(TypedDict):
    """What rules leave out: how much, and the names of the first."""

    # How many entries in all; an ignored directory is one.
    count: int
    # The first of them, ordered by path.
    paths: List[LeftOutView]


class _LeftOutViewKeys(TypedDict):
    # The path.
    path: Path
    # Which rule, in words.
    reason: str


class LeftOutView(_LeftOutViewKeys, total=False):
    """An entry that a rule leaves out, with all that is in it."""

    # It was there and is not any more.
    gone: bool


class _LineStatKeys(TypedDict):
    # Lines added.
    added: int
    # Lines removed.
    removed: int


class LineStat(_LineStatKeys, total=False):
    """Lines added and removed."""

    # The content is not text; lines are not counted.
    binary: bool


class MemoryView(TypedDict):
    """The daemon's memory."""

    # `normal`, or the level that was reached when it was last looked at: `warning`, `critical`,
    # `emergency`.
    level: str
    # Resident bytes of the process.
    resident_bytes: int


class _MilestoneExportResultKeys(TypedDict):
    # Their bytes.
    bytes: int
    # BLAKE3 over the manifest that was exported.
    checksum: str
    # Files and links that were exported.
    files: int
    # The milestone's name.
    milestone: str
    # How long it took.
    took_ms: float


class MilestoneExportResult(_MilestoneExportResultKeys, total=False):
    """Result of `milestone.export`."""

    # The file.
    file: Optional[Path]
    # Its bytes.
    file_bytes: Optional[int]
    # The commit.
    git: Optional[GitExport]
    # Secrets, which do not travel.
    left_out: List[Path]
    # Paths whose bytes the history does not hold, the first of them.
    not_covered: List[Path]


class _MilestoneImportResultKeys(TypedDict):
    # Bytes of all files.
    bytes: int
    # It was not watched before.
    created: bool
    # Files and links.
    files: int
    # Its name.
    milestone: str
    # Paths it changed.
    n_changed: int
    # The state right after this operation.
    operation: int
    # Its root.
    root: Path
    # Its history begins right after this operation, that of the milestone before; 0 where there is none.
    since: int
    # How far it is.
    status: MilestoneStatus
    # When it was made.
    time: Time
    # How long it took.
    took_ms: float
    # Id of the workspace.
    workspace: str


class MilestoneImportResult(_MilestoneImportResultKeys, total=False):
    """Result of `milestone.import`."""

    # BLAKE3 over its manifest; null until that is written.
    checksum: Optional[str]
    # Different contents; null until they were read back.
    contents: Optional[int]
    # When it was completed or failed.
    finished: Optional[Time]
    # Secrets that did not travel with it.
    left_out: List[Path]
    # Lines of text; null until counted.
    lines: Optional[int]
    # A sentence.
    message: Optional[str]
    # Anything; an object.
    metadata: Any
    # Paths that are not as in the milestone, and why.
    not_covered: List[MilestoneProblem]
    # Operations of its history; null until that is written.
    operations: Optional[int]
    # Performance baseline; null where none was taken.
    performance: Any
    # Why it failed.
    reason: Optional[str]
    # What to do about that.
    remedy: Optional[str]
    # The operation that put everything there; absent where it was all there.
    restored: Optional[int]
    # Files of text; null until counted.
    text_files: Optional[int]
    # Tokens, estimated as a quarter of the bytes of each text; null until counted.
    tokens: Optional[int]
    # Results of verifications; null where none were run.
    verification: Any
    # Words of text, white space between them; null until counted.
    words: Optional[int]


class _MilestoneListResultKeys(TypedDict):
    # Newest first.
    milestones: List[MilestoneView]


class MilestoneListResult(_MilestoneListResultKeys, total=False):
    """Result of `milestone.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class _MilestoneProblemKeys(TypedDict):
    # What is wrong.
    message: str


class MilestoneProblem(_MilestoneProblemKeys, total=False):
    """Something of a milestone that cannot be read."""

    # The first path that needs it; absent where it is the milestone's own file.
    path: Optional[Path]


class _MilestoneShowResultKeys(TypedDict):
    # Bytes of all files.
    bytes: int
    # Files and links.
    files: int
    # Its name.
    milestone: str
    # The state right after this operation.
    operation: int
    # Its history begins right after this operation, that of the milestone before; 0 where there is none.
    since: int
    # How far it is.
    status: MilestoneStatus
    # When it was made.
    time: Time


class MilestoneShowResult(_MilestoneShowResultKeys, total=False):
    """Result of `milestone.show`."""

    # BLAKE3 over its manifest; null until that is written.
    checksum: Optional[str]
    # Different contents; null until they were read back.
    contents: Optional[int]
    # When it was completed or failed.
    finished: Optional[Time]
    # Of its history, where that was asked for.
    history: List[OperationView]
    # Lines of text; null until counted.
    lines: Optional[int]
    # A sentence.
    message: Optional[str]
    # Anything; an object.
    metadata: Any
    # Operations of its history; null until that is written.
    operations: Optional[int]
    # Performance baseline; null where none was taken.
    performance: Any
    # Why it failed.
    reason: Optional[str]
    # What to do about that.
    remedy: Optional[str]
    # Files of text; null until counted.
    text_files: Optional[int]
    # Tokens, estimated as a quarter of the bytes of each text; null until counted.
    tokens: Optional[int]
    # Results of verifications; null where none were run.
    verification: Any
    # Words of text, white space between them; null until counted.
    words: Optional[int]


class _MilestoneVerifyResultKeys(TypedDict):
    # Bytes of all files.
    bytes: int
    # Files and links.
    files: int
    # Its name.
    milestone: str
    # Their bytes.
    n_bytes: int
    # Contents that were read.
    n_contents: int
    # How much is wrong.
    n_problems: int
    # Every byte was read and is what it was.
    ok: bool
    # The state right after this operation.
    operation: int
    # Its history begins right after this operation, that of the milestone before; 0 where there is none.
    since: int
    # How far it is.
    status: MilestoneStatus
    # When it was made.
    time: Time
    # How long it took.
    took_ms: float


class MilestoneVerifyResult(_MilestoneVerifyResultKeys, total=False):
    """Result of `milestone.verify`."""

    # BLAKE3 over its manifest; null until that is written.
    checksum: Optional[str]
    # Different contents; null until they were read back.
    contents: Optional[int]
    # When it was completed or failed.
    finished: Optional[Time]
    # Lines of text; null until counted.
    lines: Optional[int]
    # A sentence.
    message: Optional[str]
    # Anything; an object.
    metadata: Any
    # Operations of its history; null until that is written.
    operations: Optional[int]
    # Performance baseline; null where none was taken.
    performance: Any
    # What is wrong, the first of it.
    problems: List[MilestoneProblem]
    # Why it failed.
    reason: Optional[str]
    # What to do about that.
    remedy: Optional[str]
    # Files of text; null until counted.
    text_files: Optional[int]
    # Tokens, estimated as a quarter of the bytes of each text; null until counted.
    tokens: Optional[int]
    # Results of verifications; null where none were run.
    verification: Any
    # Words of text, white space between them; null until counted.
    words: Optional[int]


class _MilestoneViewKeys(TypedDict):
    # Bytes of all files.
    bytes: int
    # Files and links.
    files: int
    # Its name.
    milestone: str
    # The state right after this operation.
    operation: int
    # Its history begins right after this operation, that of the milestone before; 0 where there is none.
    since: int
    # How far it is.
    status: MilestoneStatus
    # When it was made.
    time: Time


class MilestoneView(_MilestoneViewKeys, total=False):
    """A milestone; result of `milestone.create`, `.update` and `.delete`."""

    # BLAKE3 over its manifest; null until that is written.
    checksum: Optional[str]
    # Different contents; null until they were read back.
    contents: Optional[int]
    # When it was completed or failed.
    finished: Optional[Time]
    # Lines of text; null until counted.
    lines: Optional[int]
    # A sentence.
    message: Optional[str]
    # Anything; an object.
    metadata: Any
    # Operations of its history; null until that is written.
    operations: Optional[int]
    # Performance baseline; null where none was taken.
    performance: Any
    # Why it failed.
    reason: Optional[str]
    # What to do about that.
    remedy: Optional[str]
    # Files of text; null until counted.
    text_files: Optional[int]
    # Tokens, estimated as a quarter of the bytes of each text; null until counted.
    tokens: Optional[int]
    # Results of verifications; null where none were run.
    verification: Any
    # Words of text, white space between them; null until counted.
    words: Optional[int]


class NotCovered(TypedDict):
    """What the history does not hold: how much, and the names of the first."""

    # How many paths in all.
    count: int
    # The first of them.
    paths: List[UncoveredView]


class NoteView(TypedDict):
    """Something worth knowing about a path that is put back."""

    # A sentence.
    note: str
    # The path.
    path: Path


class _OperationShowResultKeys(TypedDict):
    # The operation; its `changes` are one page.
    operation: OperationView


class OperationShowResult(_OperationShowResultKeys, total=False):
    """Result of `operation.show`."""

    # Pass it to get the next page; absent on the last. A diff too long for one page goes on in the next.
    cursor: Optional[str]


class _OperationViewKeys(TypedDict):
    # `agent:<name>`, `human`, `afterimage` or `unknown`.
    author: str
    # The changes, or the first of them; ordered by path.
    changes: List[ChangeView]
    # Why it is there.
    kind: Kind
    # How many changes it has in all.
    n_changes: int
    # Its number.
    operation: int
    # When it was recorded. Order is by number, never by time.
    time: Time


class OperationView(_OperationViewKeys, total=False):
    """An operation."""

    # The repository's HEAD when it was recorded.
    head: Optional[HeadView]
    # A sentence, such as why a gap is there.
    note: Optional[str]
    # Operations it takes back or makes again.
    reverts: List[int]
    # The run of an agent it belongs to.
    session: Optional[str]
    # For `rollback` and `restore`: the state it went to.
    target: Optional[int]
    # The tool that made it.
    tool: Optional[str]
    # The turn it belongs to.
    turn: Optional[str]


class _PlanViewKeys(TypedDict):
    # Paths that cannot be changed.
    conflicts: List[ConflictView]
    # The newest operation it was made against.
    head: int
    # How many steps it has in all.
    n_steps: int
    # Paths the history does not hold, which are left alone.
    not_covered: List[UncoveredView]
    # Hash over the plan; what was shown is what `rollback.apply` runs.
    plan: str
    # One page of them, ordered by path.
    steps: List[StepView]


class PlanView(_PlanViewKeys, total=False):
    """What going back would do; result of `rollback.plan`, and part of a dry run's."""

    # Pass it to get more steps; absent on the last page.
    cursor: Optional[str]
    # It crosses a move of the repository's HEAD.
    head_moved: Optional[HeadMove]
    # For a point: what rules leave out there. It stays as it is, whatever became of it since the point.
    left_out: LeftOut
    # What is worth knowing and no reason to refuse, such as a hard link that would be broken.
    notes: List[NoteView]
    # Operations it takes back or makes again.
    reverts: List[int]
    # The state it goes to, where it goes to one.
    target: Optional[int]


class _ProblemKeys(TypedDict):
    # A sentence.
    message: str


class Problem(_ProblemKeys, total=False):
    """Something wrong in the store."""

    # The operation it concerns.
    operation: Optional[int]
    # The path it concerns.
    path: Optional[Path]
    # What it costs and what can be done.
    remedy: Optional[str]


class _ProgressKeys(TypedDict):
    # Bytes stored.
    bytes: int
    # Files stored.
    files: int


class Progress(_ProgressKeys, total=False):
    """How far the first scan is."""

    # Bytes in all, as far as known.
    bytes_total: Optional[int]
    # Files in all, as far as known.
    files_total: Optional[int]


class PurgeResult(TypedDict):
    """Result of `purge`."""

    # Nothing was changed.
    dry_run: bool
    # Where the path or one of its contents was found still; empty where the purge is proven.
    found: List[str]
    # Bytes of files searched to prove it.
    n_bytes: int
    # Contents that only it had.
    n_contents: int
    # Operations that named the path.
    n_operations: int
    # Records read back to prove it.
    n_records: int


class _ReasonKeys(TypedDict):
    # A word for programs, such as `watch-limit`, `polled`, `root-moved`, `store-full`.
    code: str
    # A sentence.
    message: str


class Reason(_ReasonKeys, total=False):
    """Why a workspace is not simply `armed`."""

    # The subtree it concerns.
    path: Optional[Path]
    # What to do about it.
    remedy: Optional[str]


class _SessionDiffKeys(TypedDict):
    # One page of them: by path, or, as steps, in their order.
    entries: List[SessionEntry]
    # The first operation in it.
    first: int
    # The last one.
    last: int
    # How much of the way it shows.
    level: ViewLevel
    # How many changes they have.
    n_changes: int
    # How many entries it has in all.
    n_entries: int
    # How many operations are in it.
    n_operations: int


class SessionDiff(_SessionDiffKeys, total=False):
    """What a session changed."""

    # Pass it to get the next page; absent on the last.
    cursor: Optional[str]
    # The session has older operations that are not in it.
    truncated: bool


class _SessionEntryKeys(TypedDict):
    # What it became.
    after: StateView
    # What it was.
    before: StateView
    # The first operation in it.
    first: int
    # The last one.
    last: int
    # How many of the session's operations changed the path from `first` to `last`.
    n_operations: int
    # The path.
    path: Path


class SessionEntry(_SessionEntryKeys, total=False):
    """What happened to a path in one or more operations of a session."""

    # Somebody else changed the path between changes of the session: each stretch is an entry of its own,
    # and what lies between is not in any.
    apart: bool
    # Unified diff that `git apply` and `patch -p1` accept, or a piece of it. Binary content stands in it
    # as git writes it, which `patch` leaves out.
    diff: Optional[Bytes]
    # Where the piece begins, when `diff` is only a piece.
    diff_offset: Optional[int]
    # Length of the whole diff in bytes, when `diff` is only a piece.
    diff_total: Optional[int]
    # White space is all that changed. Only where diffs were made.
    formatting: bool
    # The hunks, where asked for.
    hunks: Optional[List[HunkView]]
    # A diff was asked for and does not hold all of the change: its content is too large, is not in the
    # history, or found no room in this answer (then there is no `diff`; ask for this path alone).
    incomplete: bool
    # Where it was moved from.
    renamed_from: Optional[Path]
    # The path holds a secret: nothing of its content is told on this socket, no hash, size, stat or diff.
    sealed: bool
    # Lines added and removed, where counted.
    stat: Optional[LineStat]


class _SessionListResultKeys(TypedDict):
    # Newest first.
    sessions: List[SessionView]


class SessionListResult(_SessionListResultKeys, total=False):
    """Result of `session.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class _SessionShowResultKeys(TypedDict):
    # Name of the agent.
    agent: str
    # How many operations are its own.
    n_operations: int
    # Its id; shortened on `agent.sock` unless it is the caller's own.
    session: str
    # When it began.
    started: Time


class SessionShowResult(_SessionShowResultKeys, total=False):
    """Result of `session.show`."""

    # When it ended; absent while it is open.
    ended: Optional[Time]
    # For people.
    label: Optional[str]
    # Anything; an object.
    metadata: Any
    # The session that started this one.
    parent: Optional[str]
    # Its process.
    pid: Optional[int]
    # Its open turn.
    turn: Optional[str]
    # What it changed, where asked for.
    view: Optional[SessionDiff]


class _SessionViewKeys(TypedDict):
    # Name of the agent.
    agent: str
    # How many operations are its own.
    n_operations: int
    # Its id; shortened on `agent.sock` unless it is the caller's own.
    session: str
    # When it began.
    started: Time


class SessionView(_SessionViewKeys, total=False):
    """A session; result of `session.start` and `.end`."""

    # When it ended; absent while it is open.
    ended: Optional[Time]
    # For people.
    label: Optional[str]
    # Anything; an object.
    metadata: Any
    # The session that started this one.
    parent: Optional[str]
    # Its process.
    pid: Optional[int]
    # Its open turn.
    turn: Optional[str]


class _StateViewKeys(TypedDict):
    # What is there.
    type: StateKind


class StateView(_StateViewKeys, total=False):
    """What a path was at one moment."""

    # BLAKE3 of the bytes, or of a link's target; lower-case hex.
    hash: Optional[str]
    # Permission bits.
    mode: Optional[int]
    # With `opaque`: why its bytes are not held, `too-large`, `unreadable`, `unsupported`, `store-full`,
    # `not-covered` or `expired`.
    reason: Optional[str]
    # Bytes.
    size: Optional[int]


class StepView(TypedDict):
    """One path's part of a plan."""

    # What is there.
    now: StateView
    # The path.
    path: Path
    # What will be.
    target: StateView


class _StoreCheckResultKeys(TypedDict):
    # Bytes read.
    n_bytes: int
    # Contents decoded and hashed.
    n_contents: int
    # Records looked at.
    n_records: int
    # No problem was found.
    ok: bool
    # What is wrong; bounded, with the rest counted in the last.
    problems: List[Problem]


class StoreCheckResult(_StoreCheckResultKeys, total=False):
    """Result of `store.check`."""

    # Roots whose directory is gone, so that their history is not open and was not looked at.
    not_checked: List[Path]


class _StoreGcResultKeys(TypedDict):
    # Bytes of the segments after. A dry run cannot know what contents of merged operations will free.
    bytes_after: int
    # Bytes of the segments before.
    bytes_before: int
    # Nothing was changed.
    dry_run: bool
    # Checkpoints whose class is kept for a time only, and whose time was over.
    n_checkpoints: int
    # Contents that nothing retained named.
    n_contents: int
    # Operations that are part of later ones now, by age.
    n_merged: int
    # Other records that were superseded.
    n_records: int


class StoreGcResult(_StoreGcResultKeys, total=False):
    """Result of `store.gc`."""

    # Why a workspace was left as it is.
    problems: List[str]


class _StoreStatsResultKeys(TypedDict):
    # Their bytes before compression.
    content_bytes: int
    # Bytes on disk, everything counted.
    disk_bytes: int
    # Of these: the index, which can be rebuilt.
    index_bytes: int
    # Checkpoints.
    n_checkpoints: int
    # Contents held, each counted once.
    n_contents: int
    # Operations.
    n_operations: int
    # How many segments.
    n_segments: int
    # Workspaces.
    n_workspaces: int
    # Of these: segments, which are the truth.
    segment_bytes: int
    # Their bytes as stored.
    stored_bytes: int


class StoreStatsResult(_StoreStatsResultKeys, total=False):
    """Result of `store.stats`."""

    # The cap, if one is set.
    cap_bytes: Optional[int]
    # L1: the last operations of the workspaces, in memory.
    l1: TierView
    # L2: what sessions' views and diffs need, packed in memory; one budget over all workspaces.
    l2: TierView
    # The daemon's memory.
    memory: MemoryView


class SyncResult(TypedDict):
    """Result of `sync`."""

    # For `history.poll`.
    clock: str
    # Whether everything up to `head` is on disk.
    durable: bool
    # How it was made sure.
    fence: Fence
    # Newest operation; 0 before the first.
    head: int


class _SyncStatusKeys(TypedDict):
    # Newest operation that survives a power cut.
    durable_head: int
    # `idle` when nothing was ever to be saved, `saved` when everything is.
    state: SyncState


class SyncStatus(_SyncStatusKeys, total=False):
    """Whether the history is on disk."""

    # With `error`: what failed.
    message: Optional[str]
    # With `error`: when it is tried again.
    retry: Optional[Time]


class _TakenBackKeys(TypedDict):
    # Who went it.
    author: str
    # `undo`, `redo`, `rollback` or `restore`.
    kind: Kind
    # How many paths it changed.
    n_changes: int
    # Its number.
    operation: int
    # The first of them.
    paths: List[Path]
    # When.
    time: Time


class TakenBack(_TakenBackKeys, total=False):
    """A way back that somebody else went: what a session holds for the content of these files may no longer be so."""

    # Operations it took back or made again.
    reverts: List[int]


class TierView(TypedDict):
    """A tier in memory."""

    # Their bytes.
    bytes: int
    # Entries held.
    entries: int
    # Entries that went to make room.
    evictions: int
    # Questions it answered since the daemon started.
    hits: int
    # Questions it could not answer, so that the next tier was asked.
    misses: int


class _TravelResultKeys(TypedDict):
    # Newest operation afterwards.
    head: int
    # `undo`, `redo`, `rollback` or `restore`.
    kind: Kind
    # How many paths were changed (for a dry run: would be).
    n_changed: int


class TravelResult(_TravelResultKeys, total=False):
    """Result of `undo`, `redo`, `rollback.apply`, `rollback.resume` and `rollback.revert`."""

    # It crossed a move of the repository's HEAD.
    head_moved: Optional[HeadMove]
    # Paths that were left as they are or hold conflict markers, with why. When it is not empty the work
    # is partly done.
    kept: List[ConflictView]
    # For a point: what rules leave out there. It stayed as it was, whatever became of it since the point.
    left_out: LeftOut
    # Paths the history does not hold, or did not hold at the point, which were left alone.
    not_covered: List[UncoveredView]
    # What is worth knowing, such as a hard link that was broken.
    notes: List[NoteView]
    # The operation that was recorded; null when nothing had to change, or for a dry run.
    operation: Optional[int]
    # The plan, for a dry run.
    plan: Optional[PlanView]
    # Operations that were taken back or made again.
    reverts: List[int]
    # The state it went to, where it went to one.
    target: Optional[int]


class TreeEntry(TypedDict):
    """One entry of a tree."""

    # The path.
    path: Path
    # What is there.
    state: StateView


class _TreeListResultKeys(TypedDict):
    # Ordered by path.
    entries: List[TreeEntry]
    # The state right after this operation.
    operation: int


class TreeListResult(_TreeListResultKeys, total=False):
    """Result of `tree.list`."""

    # Pass it to get the next page; absent on the last.
    cursor: Optional[str]


class TurnEndResult(TypedDict):
    """Result of `turn.end`."""

    # Operations of the turn.
    operations: List[int]
    # Its session.
    session: str
    # Its id.
    turn: str
    # Verdicts of the checks that ran.
    verdicts: List[Any]


class _TurnStartResultKeys(TypedDict):
    # Its session.
    session: str
    # Its id.
    turn: str


class TurnStartResult(_TurnStartResultKeys, total=False):
    """Result of `turn.start`."""

    # With `tell`: what others took back, oldest first.
    taken_back: List[TakenBack]


class UncoveredView(TypedDict):
    """A path the history does not hold."""

    # The path.
    path: Path
    # Why, in words.
    reason: str


class _VersionViewKeys(TypedDict):
    # Who made it.
    author: str
    # Why that operation is there.
    kind: Kind
    # The operation that made it.
    operation: int
    # What the path became.
    state: StateView
    # When it was recorded.
    time: Time


class VersionView(_VersionViewKeys, total=False):
    """One version of a file."""

    # Where it was moved from.
    renamed_from: Optional[Path]
    # The session it belongs to.
    session: Optional[str]
    # The turn it belongs to.
    turn: Optional[str]


class _WorkspaceAddResultKeys(TypedDict):
    # False when it was watched already.
    created: bool
    # Its root, canonical.
    root: Path
    # Usually `arming`: the answer does not wait for the first scan.
    state: WorkspaceState
    # Its id, valid wherever `workspace` is asked for.
    workspace: str


class WorkspaceAddResult(_WorkspaceAddResultKeys, total=False):
    """Result of `workspace.add`."""

    # Where it was before, when the history of a moved project was taken over.
    moved_from: Optional[Path]
    # What the user should know, such as a nested workspace that is left alone.
    notes: List[str]


class _WorkspaceEntryKeys(TypedDict):
    # Newest operation; 0 before the first.
    head: int
    # Its root.
    root: Path
    # Whether changes are caught.
    state: WorkspaceState
    # Its id.
    workspace: str


class WorkspaceEntry(_WorkspaceEntryKeys, total=False):
    """One workspace in the list."""

    # A name for people.
    name: Optional[str]


class WorkspaceListResult(TypedDict):
    """Result of `workspace.list`."""

    # Every watched workspace, ordered by root.
    workspaces: List[WorkspaceEntry]


class _WorkspaceRemoveResultKeys(TypedDict):
    # Whether its history was deleted.
    purged: bool
    # Its root.
    root: Path
    # Its id.
    workspace: str


class WorkspaceRemoveResult(_WorkspaceRemoveResultKeys, total=False):
    """Result of `workspace.remove`."""

    # Its newest operation.
    head: int


class _WorkspaceStatusResultKeys(TypedDict):
    # What watches: `inotify`, `fanotify`, `notify`, `poll`.
    backend: str
    # Bytes of the store that this workspace holds.
    disk_bytes: int
    # Newest operation; 0 before the first.
    head: int
    # The daemon's share for this workspace, estimated.
    memory_bytes: int
    # What the history does not hold although no rule leaves it out.
    not_covered: NotCovered
    # Why it is not simply `armed`.
    reasons: List[Reason]
    # Its root.
    root: Path
    # Open sessions.
    sessions: List[SessionView]
    # Whether changes are caught.
    state: WorkspaceState
    # Whether the history is on disk.
    sync: SyncStatus
    # Directories that are watched.
    watches: int
    # Its id.
    workspace: str


class WorkspaceStatusResult(_WorkspaceStatusResultKeys, total=False):
    """Result of `workspace.status`."""

    # The repository's HEAD, where the root is a git work tree.
    git_head: Optional[HeadView]
    # What rules leave out: `.git` wherever it is, ignored directories, what is excluded, other
    # workspaces. Nothing of it can be brought back, and nothing of it is touched.
    left_out: LeftOut
    # A name for people.
    name: Optional[str]
    # How far the first scan is, while `arming`.
    progress: Optional[Progress]
    # Last verdict of each verification; empty until there are some.
    verifications: List[Any]
