//! `aft status`.

use aft_rpc::types::workspace::{LeftOut, LeftOutView, NotCovered, Reason, UncoveredView};
use aft_rpc::{WirePath, WireTime};

use super::*;

fn armed() -> WorkspaceStatusResult {
    WorkspaceStatusResult {
        workspace: "w".to_owned(),
        root: WirePath::from("/home/u/p"),
        name: None,
        state: WorkspaceState::Armed,
        head: 142,
        sync: SyncStatus {
            state: SyncState::Saved,
            message: None,
            retry: None,
            durable_head: 142,
        },
        reasons: Vec::new(),
        not_covered: NotCovered::default(),
        left_out: LeftOut::default(),
        progress: None,
        memory_bytes: 3 << 20,
        disk_bytes: 10_000,
        sessions: Vec::new(),
        verifications: Vec::new(),
        last_good: None,
        acted: None,
        watches: 12,
        backend: "inotify".to_owned(),
        writers: aft_rpc::types::workspace::WritersView::default(),
        git_head: None,
    }
}

fn text(result: &WorkspaceStatusResult) -> String {
    status(result, &Now::at("2026-11-21T20:00:00Z"), Style::PLAIN)
}

#[test]
fn an_armed_workspace_is_a_few_rows() {
    assert_eq!(
        text(&armed()),
        "/home/u/p  armed\n  head      #142\n  history   saved, on disk up to #142\n  watching  12 directories by inotify\n  writers   told by brackets and turns only\n  memory    3.0 MiB\n  disk      9.8 KiB\n"
    );
}

#[test]
fn trouble_is_said_with_its_remedy() {
    let mut degraded = armed();
    degraded.state = WorkspaceState::Degraded;
    degraded.reasons = vec![Reason {
        code: "watch-limit".to_owned(),
        message: "polled, because the kernel's limit of watches is reached".to_owned(),
        path: Some(WirePath::from("node_modules")),
        remedy: Some("sysctl fs.inotify.max_user_watches=1048576".to_owned()),
    }];
    degraded.sync = SyncStatus {
        state: SyncState::Error,
        message: Some("disk full".to_owned()),
        retry: WireTime::parse("2026-11-21T20:00:05Z"),
        durable_head: 140,
    };
    let text = text(&degraded);
    assert!(text.contains("  ! node_modules: polled, because the kernel's limit of watches is reached\n    sysctl fs.inotify"), "{text}");
    assert!(
        text.contains("error, on disk up to #140: disk full; tried again at 20:00:05\n"),
        "{text}"
    );
}

#[test]
fn what_is_not_covered_is_never_hidden() {
    let mut status = armed();
    let path = |i: u32| UncoveredView {
        path: WirePath::from(format!("big{i}.bin").as_str()),
        reason: "larger than 100 MiB".to_owned(),
    };
    status.not_covered = NotCovered {
        count: 1,
        paths: vec![path(0)],
    };
    assert!(
        text(&status)
            .ends_with("  ! 1 path is not in the history:\n    big0.bin: larger than 100 MiB\n")
    );
    status.not_covered = NotCovered {
        count: 200,
        paths: (0..20).map(path).collect(),
    };
    let text = text(&status);
    assert!(
        text.contains("200 paths are not in the history")
            && text.ends_with("big9.bin: larger than 100 MiB\n    …\n"),
        "{text}"
    );
}

#[test]
fn what_rules_leave_out_is_one_row_of_names() {
    let mut status = armed();
    let entry = |name: &str, gone| LeftOutView {
        path: WirePath::from(name),
        reason: "a rule".to_owned(),
        gone,
    };
    status.left_out = LeftOut {
        count: 5,
        paths: vec![entry(".git", true), entry("target", false)],
    };
    let text = text(&status);
    assert!(
        text.contains("  left out  .git (gone), target and 3 more\n"),
        "{text}"
    );
}

#[test]
fn progress_is_told_with_and_without_a_total() {
    let mut progress = Progress {
        files: 1,
        files_total: None,
        bytes: 2048,
        bytes_total: None,
    };
    assert_eq!(progress_line(&progress), "1 file, 2.0 KiB");
    progress.files_total = Some(3000);
    progress.bytes_total = Some(18 << 20);
    assert_eq!(
        progress_line(&progress),
        "1 of 3000 files, 2.0 KiB of 18 MiB"
    );
}
