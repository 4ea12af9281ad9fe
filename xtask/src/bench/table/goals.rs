//! What the project holds itself to.
//!
//! Does: name the lines of the table that have a goal. Does not: judge them.

/// What the project holds itself to: the line of the table, and the figure at least and aimed for, on a medium and on a large
/// tree, in the line's unit. `None`: no goal for such a tree.
pub(super) type Goal = (&'static str, Option<(f64, f64)>, Option<(f64, f64)>);
pub(super) const MIB: f64 = 1024.0 * 1024.0;
pub(super) const GOALS: &[Goal] = &[
    ("first baseline", Some((0.150, 0.080)), Some((5.0, 3.0))),
    (
        "checkpoint, nothing changed",
        Some((0.006, 0.003)),
        Some((0.006, 0.003)),
    ),
    (
        "checkpoint after 1 edit",
        Some((0.010, 0.004)),
        Some((0.010, 0.004)),
    ),
    (
        "checkpoint after 1000 edits",
        Some((0.120, 0.070)),
        Some((0.120, 0.070)),
    ),
    (
        "go back over 1 file",
        Some((0.010, 0.005)),
        Some((0.010, 0.005)),
    ),
    (
        "go back over 1000 files",
        Some((0.100, 0.070)),
        Some((0.100, 0.070)),
    ),
    (
        "store after its background work, of the tree's bytes",
        Some((0.36, 0.32)),
        Some((0.22, 0.20)),
    ),
    (
        "a scratch state, one file changed",
        Some((0.150, 0.050)),
        None,
    ),
    (
        "p99 of a bracketed edit beside a check, of its p99 without",
        Some((1.5, 1.0)),
        Some((1.5, 1.0)),
    ),
    (
        "from a verdict to the beginning of the way back, longest of 3",
        Some((0.010, 0.002)),
        Some((0.010, 0.002)),
    ),
    (
        "fence over the socket, nothing changed, p50",
        Some((0.0005, 0.0002)),
        Some((0.0005, 0.0002)),
    ),
    (
        "fence over the socket, nothing changed, p99",
        Some((0.003, 0.001)),
        Some((0.003, 0.001)),
    ),
    (
        "a bracketed edit's write to its operation, p50",
        Some((0.002, 0.001)),
        Some((0.002, 0.001)),
    ),
    (
        "a bracketed edit's write to its operation, p99",
        Some((0.005, 0.003)),
        Some((0.005, 0.003)),
    ),
    (
        "an observed write to its operation, p50",
        Some((0.035, 0.025)),
        Some((0.035, 0.025)),
    ),
    (
        "in the history so long after the last of them",
        Some((1.5, 0.7)),
        Some((1.5, 0.7)),
    ),
    (
        "versions kept of 50 saves of one file 20 ms apart",
        Some((50.0, 50.0)),
        Some((50.0, 50.0)),
    ),
    (
        "growth for a one-line edit of a 20 KB file and its checkpoint, without gc",
        Some((500.0, 300.0)),
        Some((500.0, 300.0)),
    ),
    (
        "resident memory of the daemon after the baseline, largest",
        None,
        Some((150.0 * MIB, 110.0 * MIB)),
    ),
    (
        "resident memory of the daemon, armed and idle",
        None,
        Some((80.0 * MIB, 50.0 * MIB)),
    ),
    (
        "processor while idle, of one core",
        Some((0.2, 0.05)),
        Some((0.2, 0.05)),
    ),
    ("restart to armed, nothing changed", None, Some((1.0, 0.3))),
    (
        "a page of 50 operations over the socket, p99",
        Some((0.001, 0.0003)),
        Some((0.001, 0.0003)),
    ),
    (
        "a hook's call with nothing to save, before and after `ls`, p50",
        Some((0.002, 0.0012)),
        Some((0.002, 0.0012)),
    ),
    (
        "a hook's call with nothing to save, before and after `cargo test`, p50",
        Some((0.002, 0.0012)),
        Some((0.002, 0.0012)),
    ),
    (
        "`edit.begin` and `edit.end` around an edit of 20 KB, p99",
        Some((0.005, 0.003)),
        Some((0.005, 0.003)),
    ),
    (
        "event of an observed write to a subscriber, p50",
        Some((0.035, 0.025)),
        Some((0.035, 0.025)),
    ),
    (
        "event of a bracketed write to a subscriber, p50",
        Some((0.002, 0.001)),
        Some((0.002, 0.001)),
    ),
    (
        "`history.poll` with nothing new, p99",
        Some((0.001, 0.0003)),
        Some((0.001, 0.0003)),
    ),
    (
        "50 editors that ask once a second, of one core",
        Some((1.0, 0.5)),
        Some((1.0, 0.5)),
    ),
    (
        "50 editors with a long poll each, of one core",
        Some((1.0, 0.2)),
        Some((1.0, 0.2)),
    ),
    (
        "one operation undone among 1000 later ones, p50",
        Some((0.020, 0.010)),
        Some((0.020, 0.010)),
    ),
    (
        "growth for a one-line edit and its checkpoint, after gc, the first hundred",
        Some((500.0, 300.0)),
        Some((500.0, 300.0)),
    ),
    (
        "growth for a one-line edit and its checkpoint, after gc, the last hundred",
        Some((500.0, 300.0)),
        Some((500.0, 300.0)),
    ),
    (
        "view of a session of 1000 edits, of the bytes of its diffs",
        Some((0.3, 0.3)),
        Some((0.3, 0.3)),
    ),
    (
        "the time of that view over the socket",
        Some((0.2, 0.1)),
        Some((0.2, 0.1)),
    ),
    (
        "resident memory of the daemon after all of them, idle",
        None,
        Some((80.0 * MIB, 50.0 * MIB)),
    ),
    (
        "any version of a file over the socket, p99",
        Some((0.005, 0.002)),
        Some((0.005, 0.002)),
    ),
    (
        "a milestone, answered",
        Some((1.0, 0.01)),
        Some((1.0, 0.01)),
    ),
    (
        "a milestone, read back and completed in the background",
        None,
        Some((10.0, 5.0)),
    ),
    (
        "a milestone's summary over the socket, p99",
        Some((0.005, 0.001)),
        Some((0.005, 0.001)),
    ),
    ("a milestone verified", None, Some((300e6, 600e6))),
    ("a milestone exported", None, Some((150e6, 300e6))),
    ("a milestone imported", None, Some((150e6, 300e6))),
    (
        "largest memory of the daemon meanwhile",
        Some((150.0 * MIB, 120.0 * MIB)),
        Some((150.0 * MIB, 120.0 * MIB)),
    ),
    ("restart to armed with all that", None, Some((1.0, 0.3))),
    (
        "a fence meanwhile, longest",
        Some((0.05, 0.02)),
        Some((0.05, 0.02)),
    ),
];
