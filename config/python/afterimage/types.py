"""What the daemon answers, as types: JSON as it came, for a type checker only.

Made by `generate.py` from the OpenRPC document. Edit the daemon's types, not this file.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union


class Base64(TypedDict):
    """Bytes that are not UTF-8. `afterimage.as_bytes` and `afterimage.as_name` read them."""

    base64: str


# What a rule did.
ActedKind = Literal["suggested", "rolled_back"]

# What was seen of a state.
BisectSeen = Literal["good", "bad", "passed_over"]

# Content; base64 when it is not UTF-8.
Bytes = Union[str, Base64]

# `snapshot:cleanup`: something was let go of.
CleanupPayload = Union["MemoryPayload", "RetentionPayload"]

# `snapshot:created`: an operation was recorded, or a name was given.
CreatedPayload = Union["OperationPayload", "CheckpointPayload"]

# How much of a diff an operation is shown with.
DiffDetail = Literal["none", "stat", "unified", "hunks"]

# Form of a diff.
DiffFormat = Literal["unified", "stat", "hunks"]

# `data.kind` of an error.
ErrorKind = Literal["not_found", "version_conflict", "edit_conflict", "not_armed", "detached", "forbidden", "untrusted", "too_large", "corrupt", "store_full", "busy", "invalid"]

# Name of an event.
EventName = Literal["snapshot:created", "snapshot:rollback", "snapshot:milestone", "snapshot:compression", "snapshot:cleanup", "experiment:branch-created", "experiment:branch-merged", "verify:started", "verify:finished", "verify:culprit", "session:started", "session:ended", "workspace:state", "sync:state", "edit:overlap"]

# How a fence was made sure.
Fence = Literal["cookie", "rescan", "strict"]

# What a hunk changes.
HunkKind = Literal["lines", "mode", "file"]

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

# How a check ended.
VerdictStatus = Literal["passed", "failed", "error"]

# How much of a session's way its view shows. The operations themselves stay in the history in any
# case.
ViewLevel = Literal["net", "steps"]

# Whether changes are caught.
WorkspaceState = Literal["arming", "armed", "degraded", "detached"]

# Word for [`WritersView`].
WritersBy = Literal["kernel", "brackets"]


class _ActedKeys(TypedDict):
    # The state that was checked, right after this operation.
    checked: int
    # The checks that say so.
    checks: List[PastThreshold]
    # What was done.
    kind: ActedKind
    # A sentence.
    message: str
    # When.
    time: Time


class Acted(_ActedKeys, total=False):
    """What followed from a verdict: the report of a way back, or a suggestion."""

    # With `suggested`: those that are the agent's own, where others are not.
    agents_part: List[int]
    # Operations between the last state that passed and the one that was checked, oldest first; the first
    # of them.
    between: List[int]
    # The breaker has opened: rules go back no more for now.
    breaker_opened: bool
    # The operation that broke it, where it was found in time.
    culprit: Optional[Culprit]
    # Why it is not known which one broke it, where one was looked for; the rest of a sentence.
    culprit_unknown: Optional[str]
    # With `rolled_back`: the checkpoint that keeps the attempt.
    kept_as: Optional[str]
    # How many there are.
    n_between: int
    # With `rolled_back`: how many paths were put back.
    n_changed: int
    # With `rolled_back`: the operation that went back; absent where the files were as they should be
    # already.
    operation: Optional[int]
    # The first of them.
    paths: List[Path]
    # From the verdict to the beginning of the way back, in milliseconds, rounded up.
    started_ms: int
    # The last state that passed.
    to: Optional[int]
    # With `suggested`: why nothing was done; a word.
    why_not: Optional[str]


class _AuditEntryKeys(TypedDict):
    # What was called.
    method: str
    # Its number. Numbers rise; between them stand a few that the log keeps of itself.
    number: int
    # `done`, or the kind of the error.
    outcome: str
    # The socket it came by, which is the caller's role.
    socket: Role
    # When it was asked for.
    time: Time
    # The caller's user.
    uid: int


class AuditEntry(_AuditEntryKeys, total=False):
    """A call that changed something, or wanted to."""

    # The operation it made, or was about.
    operation: Optional[int]
    # The main parameters, shortened: no content, no sentence and no metadata of the client.
    params: Dict[str, Any]
    # The caller's process when it connected.
    pid: Optional[int]
    # So many more calls of this method on this socket were refused in the same way within a second; they
    # have no entry of their own.
    repeated: Optional[int]
    # Its root then.
    root: Optional[Path]
    # Id of the workspace.
    workspace: Optional[str]


class _AuditListResultKeys(TypedDict):
    # Newest first.
    entries: List[AuditEntry]


class AuditListResult(_AuditListResultKeys, total=False):
    """Result of `audit.list`."""

    # For the next page; absent on the last.
    cursor: Optional[str]
    # On the last page: entries up to this number are not there any more, because the log has its limit.
    gone_through: Optional[int]


class BisectHunks(TypedDict):
    """The hunks of an operation that broke a check."""

    # They are all there are.
    all: bool
    # The changes they are in, each with these hunks alone.
    changes: List[ChangeView]
    # Their ids, as `operation.show` has them and `undo` takes them. With all of them taken out it does
    # not fail.
    hunks: List[str]
    # It fails where any of them alone is put back; false where states between could not be looked at, or
    # the search was ended.
    least: bool
    # What was seen of the states without some hunks, in order.
    looks: List[BisectLook]


class _BisectLookKeys(TypedDict):
    # The state right after this operation.
    operation: int
    # Why.
    reason: str
    # What was seen.
    seen: BisectSeen
    # How long it took, in milliseconds.
    took_ms: float


class BisectLook(_BisectLookKeys, total=False):
    """One state that was looked at."""

    # It was known already, and nothing was run.
    known: bool
    # The hunks of the operation that were taken out of the state.
    without: List[str]


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


class CaseCounts(TypedDict):
    """How many tests there were."""

    # Tests that failed.
    failed: int
    # Tests that passed.
    passed: int
    # Tests that were left out.
    skipped: int


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


class CheckView(TypedDict):
    """A check of the configuration."""

    # Its command, for people.
    command: str
    # Its name.
    name: str
    # When it runs.
    on: List[str]


class _CheckpointListResultKeys(TypedDict):
    # Newest first.
    checkpoints: List[CheckpointView]


class CheckpointListResult(_CheckpointListResultKeys, total=False):
    """Result of `checkpoint.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]


class _CheckpointPayloadKeys(TypedDict):
    # Its name.
    checkpoint: str
    # How long it is kept.
    keep: str
    # The operation whose state it names.
    operation: int


class CheckpointPayload(_CheckpointPayloadKeys, total=False):
    """A checkpoint, in `snapshot:created`."""

    # Of one that a rule made: why.
    cause: Optional[str]
    # Its sentence.
    message: Optional[str]


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


class _ClashViewKeys(TypedDict):
    # What the change made of them that is to be taken back.
    base: Bytes
    # What they were before it, and would be again.
    before: Bytes
    # What they are now.
    now: Bytes


class ClashView(_ClashViewKeys, total=False):
    """Lines that the change to be taken back and later edits touch."""

    # The first of them in the file as it is now, from 1, where that can be said.
    line: Optional[int]


class CompressionPayload(TypedDict):
    """`snapshot:compression`: a session's view was made."""

    # Entries of the view.
    n_entries: int
    # Its operations.
    n_operations: int
    # Bytes of the operations' diffs.
    raw_bytes: int
    # The session.
    session: str
    # How long it took.
    took_ms: float
    # Bytes of the view's.
    view_bytes: int


class _ConflictViewKeys(TypedDict):
    # A sentence.
    message: str
    # The path.
    path: Path
    # `changed-later`, `changed-now`, `not-captured`, `content-damaged`, `not-writable`, `unsafe`,
    # `directory-in-use`, `same-name`, or `conflict-markers` for a file that holds both sides now.
    reason: str


class ConflictView(_ConflictViewKeys, total=False):
    """A path that must not be changed."""

    # The lines that clash, where later edits touch the same ones; the first of them where there are many.
    hunks: List[ClashView]


class _CulpritKeys(TypedDict):
    # Who made it.
    author: str
    # The check that was asked.
    check: str
    # How many paths it changed.
    n_changes: int
    # Its number.
    operation: int
    # The first of them.
    paths: List[Path]
    # How often it was run for that.
    runs: int


class Culprit(_CulpritKeys, total=False):
    """The operation after which a check fails, as it was found when a rule had acted."""

    # The tool it was made with.
    tool: Optional[str]


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


class _ErrorDataKeys(TypedDict):
    # What went wrong, from a closed list.
    kind: ErrorKind


class ErrorData(_ErrorDataKeys, total=False):
    """`data` of an error."""

    # With `edit_conflict`: the paths that conflict.
    conflicts: List[ConflictView]
    # With `version_conflict`: the head as it is.
    head: Optional[int]
    # With `not_found`: the nearest names.
    nearest: List[str]
    # What to do about it, where it is a step of its own.
    remedy: Optional[str]


class _EventKeys(TypedDict):
    # Which subscription it is for.
    subscription: str


class Event(_EventKeys, total=False):
    """`params` of a notification `event`."""

    # For `after` and `history.poll`.
    clock: Optional[str]
    # What happened; absent in the last notification of a subscription that is dropped.
    event: Optional[EventName]
    # The subscriber was too slow and is dropped: events were missed, subscribe anew.
    fresh_instance: bool
    # What is to be known about it; `x-events` of the document has the schema for each name.
    payload: Any
    # When.
    time: Optional[Time]
    # Id of the workspace it is about.
    workspace: Optional[str]


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


class _FindingKeys(TypedDict):
    # The test, or the file.
    name: str


class Finding(_FindingKeys, total=False):
    """A complaint, or a test that failed."""

    # The line in the file.
    line: Optional[int]
    # What was said.
    message: Optional[str]


class _GitExportKeys(TypedDict):
    # The branch.
    branch: str
    # The commit.
    commit: str


class GitExport(_GitExportKeys, total=False):
    """A commit that was made of a milestone."""

    # The commit that was the branch's before.
    parent: Optional[str]


class _GoodViewKeys(TypedDict):
    # Operations since, at most.
    n_operations: int
    # The newest good state, right after this operation.
    operation: int


class GoodView(_GoodViewKeys, total=False):
    """The last word of the checks, in a workspace's status."""

    # Paths that are not as they were then; absent where that would take long to tell.
    n_changed: Optional[int]


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
    """One hunk: a part of a change that can be taken back by itself."""

    # Names it in `undo` and `rollback.plan`. It is made of what the hunk changes, so that it is the same
    # in every answer, also when lines elsewhere in the file came or went.
    hunk: str
    # What it changes.
    kind: HunkKind
    # Lines after.
    new_lines: int
    # First line after, from 1.
    new_start: int
    # Lines before.
    old_lines: int
    # First line before, from 1.
    old_start: int
    # The lines with ` `, `-` or `+` in front; for what has no lines, what is to be said of it.
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


class MemoryPayload(TypedDict):
    """Caches that were emptied."""

    # Their bytes.
    cache_bytes: int
    # `memory`.
    cause: str
    # Bytes of contents that went.
    content_bytes: int
    # `warning`, `critical` or `emergency`.
    level: str
    # Entries of the session cache that went.
    n_entries: int
    # Resident memory after.
    resident_after: int
    # Resident memory before.
    resident_before: int
    # How long it took.
    took_ms: float


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


class _MilestonePayloadKeys(TypedDict):
    # Their bytes.
    bytes: int
    # Files in it.
    files: int
    # Its name.
    milestone: str
    # The operation whose state it is.
    operation: int
    # `generating`, `completed` or `failed`.
    status: str


class MilestonePayload(_MilestonePayloadKeys, total=False):
    """`snapshot:milestone`: its status changed."""

    # Over everything in it, once it is completed.
    checksum: Optional[str]
    # Why it failed.
    reason: Optional[str]


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


class _OperationPayloadKeys(TypedDict):
    # Who made it.
    author: str
    # Why it is there.
    kind: str
    # How many paths it changed.
    n_changes: int
    # Its number.
    operation: int


class OperationPayload(_OperationPayloadKeys, total=False):
    """An operation, in `snapshot:created` and `snapshot:rollback`."""

    # Of a way back: why.
    note: Optional[str]
    # Of a way back: the operation it went to.
    target: Optional[int]


class _OperationShowResultKeys(TypedDict):
    # The operation; its `changes` are one page.
    operation: OperationView


class OperationShowResult(_OperationShowResultKeys, total=False):
    """Result of `operation.show`."""

    # Of an operation with which a rule went back: its report, with what was found since. On the first
    # page.
    acted: Optional[Acted]
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


class OverlapPayload(TypedDict):
    """`edit:overlap`: several sessions had claimed what changed."""

    # Who they are.
    authors: List[str]
    # How many there are.
    n_paths: int
    # The operation that changed it, which is nobody's.
    operation: int
    # The first of the paths.
    paths: List[Path]
    # The sessions.
    sessions: List[str]


class _PastThresholdKeys(TypedDict):
    # Its name.
    check: str
    # Why, in words.
    reason: str


class PastThreshold(_PastThresholdKeys, total=False):
    """A check past the threshold of its rule."""

    # The first of what failed.
    failing: List[str]


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
    # Hunks that are taken back, where only those were asked for.
    hunks: List[str]
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


class RetentionPayload(TypedDict):
    """History that was merged or collected."""

    # Somebody asked for it.
    asked: bool
    # Bytes after.
    bytes_after: int
    # Bytes before.
    bytes_before: int
    # `history`.
    cause: str
    # Checkpoints whose time was over.
    n_checkpoints: int
    # Contents that nothing named.
    n_contents: int
    # Operations that are part of later ones now.
    n_merged: int
    # Other records that were superseded.
    n_records: int
    # How long it took.
    took_ms: float


class RpcError(TypedDict):
    """The error object: a sentence that says what to do, and `data.kind`."""

    # See [`ErrorKind::code`]; -32700, -32600, -32601 and -32603 as JSON-RPC has them.
    code: int
    # What a program branches on.
    data: ErrorData
    # A sentence that says what is wrong and what to do.
    message: str


class _RunViewKeys(TypedDict):
    # Its number.
    run: int


class RunView(_RunViewKeys, total=False):
    """A run that is under way, or that ended last."""

    # The check that runs now.
    check: Optional[str]
    # The last of them, the newest last; long ones are cut.
    lines: List[str]
    # How many lines its checks have printed. On `control.sock` only.
    n_lines: int
    # The state it runs on.
    operation: Optional[int]


class _SavePayloadKeys(TypedDict):
    # `idle`, `saving`, `saved` or `error`.
    state: str


class SavePayload(_SavePayloadKeys, total=False):
    """`sync:state`."""

    # Of an error: what is wrong.
    message: Optional[str]


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


class _SessionPayloadKeys(TypedDict):
    # Name of the agent.
    agent: str
    # Its id.
    session: str


class SessionPayload(_SessionPayloadKeys, total=False):
    """`session:started` and `session:ended`."""

    # For people.
    label: Optional[str]


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


class StatePayload(TypedDict):
    """`workspace:state`."""

    # `arming`, `armed`, `degraded` or `detached`; `removed` where it is no longer watched, which is told
    # to who follows all workspaces.
    state: str


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

    # Roots of workspaces that were closed meanwhile, where every one was meant: nothing was done there.
    left_out: List[Path]
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
    # Of the bytes on disk: what the milestones' own files take.
    milestone_bytes: int
    # Milestones.
    n_milestones: int


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

    # Why, where somebody said so: a rule says which checks failed.
    note: Optional[str]
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
    # Hunks that are taken back, where only those were asked for.
    hunks: List[str]
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


class TrustApproveResult(TypedDict):
    """Result of `trust.approve`."""

    # Checks that may run as they stand now.
    checks: List[str]
    # The workspace's id.
    workspace: str


class _TrustCheckKeys(TypedDict):
    # It may run as it stands.
    approved: bool
    # The words that would run; a shell's line is the third of `sh -c`.
    command: List[str]
    # Its name.
    name: str
    # The workspace's own file defines it, and not the user's.
    own: bool


class TrustCheck(_TrustCheckKeys, total=False):
    """A check as it would run."""

    # The directory of the workspace that it runs in; empty for the root.
    dir: str
    # Variables of the daemon's environment that it asks for.
    env: List[str]
    # It runs in the workspace itself, not in a copy.
    in_workspace: bool
    # Why it can not be approved as it stands.
    problem: Optional[str]
    # Files of the workspace that its command calls.
    scripts: List[TrustScript]


class TrustFile(TypedDict):
    """The workspace's own configuration."""

    # These bytes were approved for this directory.
    approved: bool
    # BLAKE3 of its bytes.
    hash: str
    # Where it is.
    path: Path
    # All of it.
    text: str


class TrustScript(TypedDict):
    """A file of the workspace that a command calls."""

    # These bytes were approved for this directory.
    approved: bool
    # BLAKE3 of its bytes.
    hash: str
    # Which.
    path: Path
    # How many there are.
    size: int


class _TrustShowResultKeys(TypedDict):
    # Nothing of it has to be approved.
    approved: bool
    # Every check that is configured.
    checks: List[TrustCheck]
    # One word for all that is shown; `trust.approve` takes it, so that what was shown is what is
    # approved.
    digest: str
    # Its root.
    root: Path
    # The workspace's id.
    workspace: str


class TrustShowResult(_TrustShowResultKeys, total=False):
    """Result of `trust.show`."""

    # The workspace's own configuration; absent where it has none.
    file: Optional[TrustFile]
    # What this system does not keep a check from; each is the rest of a sentence that begins with "a
    # check".
    not_limited: List[str]


class _TurnEndResultKeys(TypedDict):
    # Operations of the turn.
    operations: List[int]
    # Its session.
    session: str
    # Its id.
    turn: str
    # Verdicts of the checks that ran.
    verdicts: List[VerdictView]


class TurnEndResult(_TurnEndResultKeys, total=False):
    """Result of `turn.end`."""

    # What followed from them.
    acted: Optional[Acted]


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


class _VerdictViewKeys(TypedDict):
    # It is past the threshold of its rule.
    acts: bool
    # What made it run: `turn-end`, `idle`, `checkpoint`, `operation`, `manual`.
    cause: str
    # Name of the check.
    check: str
    # The state right after this operation.
    operation: int
    # Why, in words.
    reason: str
    # When it began.
    started: Time
    # Hash of that state: paths, modes, contents.
    state: str
    # How it ended.
    status: VerdictStatus
    # How long it took.
    took_ms: float
    # Its number; 0 where it is not kept, because the check never ran.
    verdict: int


class VerdictView(_VerdictViewKeys, total=False):
    """What one check said about one state."""

    # What followed from it last, with the operation that broke the state as far as that was found.
    acted: Optional[Acted]
    # How many tests there were.
    cases: CaseCounts
    # What failed.
    failing: List[str]
    # The first complaints and failures, with what was said.
    findings: List[Finding]
    # Tests that failed and passed when they were run again.
    flaky: List[str]
    # Files of the state that the history does not hold and the scratch copy does not have.
    n_missing: int
    # The end of what it printed; on `control.sock` only.
    output: Optional[str]
    # It was found before, on the same state, and not run now.
    reused: bool
    # How long the scratch copy took.
    scratch_ms: Optional[float]
    # The command has not been approved, and did not run: `aft trust` shows it.
    untrusted: bool


class _VerifyBisectResultKeys(TypedDict):
    # What was seen, oldest state first.
    looks: List[BisectLook]
    # The operation after which it fails, with its diff stat; the newest of `suspects`.
    operation: OperationView
    # How often something was run.
    runs: int
    # Operations of which one is it: more than one where states between could not be looked at.
    suspects: List[int]


class VerifyBisectResult(_VerifyBisectResultKeys, total=False):
    """Result of `verify.bisect`."""

    # With `hunks`, where one operation did it and has hunks that can be told.
    hunks: Optional[BisectHunks]
    # What takes back just that and keeps what came later, the hunks alone where they were asked for and
    # found; absent where more than one operation is suspected, or it is one that cannot be undone.
    undo: Optional[str]


class VerifyCancelResult(TypedDict):
    """Result of `verify.cancel`."""

    # The runs that were ended.
    cancelled: List[int]


class _VerifyCulpritPayloadKeys(TypedDict):
    # The state that failed.
    checked: int
    # What is known, as a sentence.
    message: str
    # Number of the run whose verdict the rule acted on.
    run: int


class VerifyCulpritPayload(_VerifyCulpritPayloadKeys, total=False):
    """`verify:culprit`."""

    # The operation that broke it, where it was found.
    culprit: Optional[Culprit]
    # The operation that went back, where one did.
    operation: Optional[int]


class VerifyFinishedPayload(TypedDict):
    """`verify:finished`."""

    # It is past the rule's threshold.
    acts: bool
    # The check.
    check: str
    # What failed.
    failing: List[str]
    # The state it ran on.
    operation: int
    # A sentence.
    reason: str
    # Number of the run.
    run: int
    # `passed`, `failed` or `error`.
    status: str
    # How long it took.
    took_ms: float
    # Number of the verdict.
    verdict: int


class _VerifyListResultKeys(TypedDict):
    # The checks that are configured.
    checks: List[CheckView]
    # Newest first.
    verdicts: List[VerdictView]


class VerifyListResult(_VerifyListResultKeys, total=False):
    """Result of `verify.list`."""

    # Pass it to get older ones; absent when there are none.
    cursor: Optional[str]
    # The newest good state.
    last_good: Optional[int]
    # The run that is under way, or the one that was asked for.
    running: Optional[RunView]


class _VerifyRunResultKeys(TypedDict):
    # Number of the run; `verify.cancel` takes it.
    run: int
    # What the checks said, in the configuration's order.
    verdicts: List[VerdictView]


class VerifyRunResult(_VerifyRunResultKeys, total=False):
    """Result of `verify.run`."""

    # What followed from that.
    acted: Optional[Acted]
    # The state right after this operation; absent while the run waits for its turn.
    operation: Optional[int]
    # It had not ended when this was answered.
    running: bool


class VerifyStartedPayload(TypedDict):
    """`verify:started`."""

    # Why it runs.
    cause: str
    # The check.
    check: str
    # The state it runs on.
    operation: int
    # Number of the run.
    run: int


class VerifySuggestResult(TypedDict):
    """Result of `verify.suggest`."""

    # Names of the checks that fit a project of this kind.
    names: List[str]
    # All of them as they would stand in `.afterimage.toml`.
    toml: str


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

    # The path it was at, where that was another.
    path: Optional[Path]
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

    # What a rule did last, or would have done and why it did not.
    acted: Optional[Acted]
    # The repository's HEAD, where the root is a git work tree.
    git_head: Optional[HeadView]
    # The newest state of which every check passed.
    last_good: Optional[GoodView]
    # What rules leave out: `.git` wherever it is, ignored directories, what is excluded, other
    # workspaces. Nothing of it can be brought back, and nothing of it is touched.
    left_out: LeftOut
    # A name for people.
    name: Optional[str]
    # How far the first scan is, while `arming`.
    progress: Optional[Progress]
    # Last verdict of each verification; empty until there are some.
    verifications: List[VerdictView]
    # How it is told who wrote.
    writers: WritersView


class _WritersViewKeys(TypedDict):
    # By what.
    by: WritersBy


class WritersView(_WritersViewKeys, total=False):
    """How it is told who wrote."""

    # Sessions whose process is known and lives.
    followed: int
    # With `brackets`: why not by the kernel.
    reason: Optional[str]
