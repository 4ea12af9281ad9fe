//! Made-up verdicts on real workspaces: what is done in the files, in the history and in words.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aft_model::{Author, Keep, OperationId, OperationKind, SessionId};
use aft_os::SystemClock;
use aft_rpc::types::acted::{Acted, ActedKind};
use aft_verify::{Judgement, Status};
use crossbeam_channel::bounded;
use tempfile::TempDir;

use super::{Finished, Judged, finished};
use crate::config::{Action, Config};
use crate::workspace::{
    AtWork, Failure, Input, OpenOptions, Sessions, Synced, Turn, Workspace, open,
};

/// A project with an open session, and a turn where an agent is at work.
struct Bench {
    dir: TempDir,
    workspace: Workspace,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("w")).unwrap();
        let bench = Self {
            workspace: Self::open(dir.path()),
            dir,
        };
        bench.begin_session();
        bench
    }

    fn begin_session(&self) {
        self.sync();
        let session = Sessions::fresh("s:1".to_owned(), "scripted".to_owned(), 0);
        self.workspace.shared.sessions.start(session);
    }

    fn open(dir: &Path) -> Workspace {
        let store = dir.join("store");
        aft_os::home::ensure_private_dir(&store).unwrap();
        open(OpenOptions {
            id: aft_model::WorkspaceId("w".to_owned()),
            root: dir.join("w"),
            store,
            nested: Vec::new(),
            config: Config::default(),
            clock: Arc::new(SystemClock),
            l2: crate::workspace::L2::alone(),
            budget: Arc::default(),
            at_work: AtWork::default(),
        })
        .unwrap()
    }

    fn answer<T: Send + 'static>(
        &self,
        input: impl FnOnce(Box<dyn FnOnce(Result<T, Failure>) + Send>) -> Input,
    ) -> T {
        let (tell, told) = bounded(1);
        let reply = Box::new(move |answer| drop(tell.send(answer)));
        assert!(self.workspace.ask(input(reply)).is_ok());
        told.recv_timeout(Duration::from_secs(60)).unwrap().unwrap()
    }

    fn sync(&self) -> OperationId {
        let synced: Synced = self.answer(|reply| Input::Sync {
            strict: false,
            durable: true,
            reply,
        });
        synced.head
    }

    fn attribute(&self) {
        let claims = Arc::new(self.workspace.shared.sessions.claims());
        let _: Synced = self.answer(|reply| Input::Attribute { claims, reply });
    }

    /// Files that an agent writes in a turn of its own.
    fn agent(&self, files: &[(&str, &str)]) -> OperationId {
        let turn = Turn {
            id: crate::ids::new_id(),
            since: self.workspace.reader.head(),
            started_ns: 0,
            label: None,
            prompt_id: None,
        };
        let sessions = &self.workspace.shared.sessions;
        sessions.change("s:1", |open| open.begin_turn(turn));
        self.attribute();
        self.write(files);
        self.sync();
        sessions.change("s:1", crate::workspace::Session::end_turn);
        self.attribute();
        self.sync()
    }

    fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let made = std::fs::File::create(self.dir.path().join("w").join(name));
            std::io::Write::write_all(&mut made.unwrap(), text.as_bytes()).unwrap();
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join("w").join(name)).ok()
    }

    fn finish(&self, operation: OperationId, good: OperationId, status: Status) -> Option<Acted> {
        finished(
            &self.workspace,
            &Finished {
                operation,
                judgements: vec![Judged {
                    check: "tests".to_owned(),
                    action: Action::Rollback,
                    judgement: Judgement {
                        status,
                        acts: status == Status::Failed,
                        reason: "4 of 10 tests\nfailed".to_owned(),
                        failing: vec!["one".to_owned(), "two".to_owned()],
                    },
                }],
                is_whole: true,
                good: Some(good),
                turn: None,
                session: Some("s:1".to_owned()),
            },
        )
    }

    fn checkpoint(&self, name: &str) -> Option<aft_model::Checkpoint> {
        let name = aft_model::CheckpointName::new(name).unwrap();
        self.workspace.reader.checkpoint(&name).unwrap()
    }
}

#[test]
fn an_agents_failure_is_taken_back_kept_and_told() {
    let bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    let bad = bench.agent(&[("a", "bad\n"), ("b", "new\n")]);
    let acted = bench.finish(bad, good, Status::Failed).unwrap();
    assert_eq!(acted.kind, ActedKind::RolledBack, "{acted:#?}");
    assert_eq!(bench.text("a").as_deref(), Some("good\n"));
    assert_eq!(bench.text("b"), None);
    assert_eq!(acted.to, Some(good.0));
    assert_eq!(acted.n_changed, 2);
    assert_eq!(acted.checks[0].failing, ["one", "two"]);
    assert!(acted.between.contains(&bad.0), "{acted:#?}");

    let operation = OperationId(acted.operation.unwrap());
    let done = bench
        .workspace
        .reader
        .operation(operation)
        .unwrap()
        .unwrap();
    assert_eq!(done.author, Author::Afterimage);
    assert_eq!(done.kind, OperationKind::Rollback);
    assert_eq!(done.target, Some(good));
    let note = done.note.unwrap();
    assert!(
        note.starts_with("tests: 4 of 10 tests failed; went back to operation"),
        "{note}"
    );
    bench.sync();
    let kept = bench.checkpoint(acted.kept_as.as_deref().unwrap()).unwrap();
    assert_eq!((kept.operation, kept.keep), (bad, Keep::Session));
    assert_eq!((kept.n_files, kept.n_bytes), (2, 8));
    let metadata: serde_json::Value = serde_json::from_str(&kept.metadata.unwrap()).unwrap();
    let report: Acted = serde_json::from_value(metadata["report"].clone()).unwrap();
    assert_eq!(report, acted, "the report is kept as it was told");
}

#[test]
fn what_a_person_wrote_since_is_not_gone_over() {
    let bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    bench.agent(&[("a", "bad\n")]);
    bench.write(&[("notes", "by hand\n")]);
    let bad = bench.sync();
    let acted = bench.finish(bad, good, Status::Failed).unwrap();
    assert_eq!(acted.kind, ActedKind::Suggested, "{acted:#?}");
    assert_eq!(acted.why_not.as_deref(), Some("person"));
    assert_eq!(acted.agents_part.len(), 1, "{acted:#?}");
    assert_eq!(bench.text("a").as_deref(), Some("bad\n"));
    assert_eq!(bench.sync(), bad, "nothing was done");
    assert!(bench.checkpoint(&format!("failed-{bad}")).is_none());
}

#[test]
fn what_is_written_after_the_checks_began_is_not_gone_over() {
    let bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    let bad = bench.agent(&[("a", "bad\n")]);
    // Not in the history yet: the way back comes upon it at its fence.
    bench.write(&[("a", "mending by hand\n")]);
    let acted = bench.finish(bad, good, Status::Failed).unwrap();
    assert_eq!(acted.kind, ActedKind::Suggested, "{acted:#?}");
    assert_eq!(bench.text("a").as_deref(), Some("mending by hand\n"));
    bench.sync();
    assert!(bench.checkpoint(&format!("failed-{bad}")).is_none());
}

#[test]
fn a_broken_check_and_one_that_passed_take_nothing_back() {
    let bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    let bad = bench.agent(&[("a", "bad\n")]);
    assert_eq!(bench.finish(bad, good, Status::Error), None);
    assert_eq!(bench.finish(bad, good, Status::Passed), None);
    assert_eq!(bench.text("a").as_deref(), Some("bad\n"));
}

#[test]
fn the_breaker_holds_over_a_restart_and_says_so_once() {
    let mut bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    for _ in 0..2 {
        let bad = bench.agent(&[("a", "bad\n")]);
        let acted = bench.finish(bad, good, Status::Failed).unwrap();
        assert_eq!(acted.kind, ActedKind::RolledBack, "{acted:#?}");
    }
    bench.workspace.close();
    bench.workspace = Bench::open(bench.dir.path());
    bench.begin_session();
    let bad = bench.agent(&[("a", "bad\n")]);
    let acted = bench.finish(bad, good, Status::Failed).unwrap();
    assert_eq!(acted.why_not.as_deref(), Some("same-again"), "{acted:#?}");
    assert!(acted.breaker_opened);
    let again = bench.finish(bad, good, Status::Failed).unwrap();
    assert!(!again.breaker_opened);
    assert_eq!(bench.text("a").as_deref(), Some("bad\n"));
}

#[test]
fn another_agents_work_under_way_is_not_gone_over() {
    let bench = Bench::new();
    let good = bench.agent(&[("a", "good\n")]);
    let bad = bench.agent(&[("a", "bad\n")]);
    let mut other = Sessions::fresh("s:2".to_owned(), "other".to_owned(), 0);
    other.begin_turn(Turn {
        id: "t".to_owned(),
        since: bad,
        started_ns: 0,
        label: None,
        prompt_id: None,
    });
    bench.workspace.shared.sessions.start(other);
    bench.attribute();
    bench.write(&[("b", "other\n")]);
    let newest = bench.sync();
    let operation = bench.workspace.reader.operation(newest).unwrap().unwrap();
    assert_eq!(operation.session, Some(SessionId("s:2".to_owned())));
    let acted = bench.finish(newest, good, Status::Failed).unwrap();
    assert_eq!(acted.why_not.as_deref(), Some("other-agent"), "{acted:#?}");
}

/// The promise is ten milliseconds; here, where others compute too, the best of some.
#[test]
fn from_the_verdict_to_the_beginning_of_the_way_back_it_takes_no_time() {
    let mut best = u64::MAX;
    for _ in 0..5 {
        let bench = Bench::new();
        let good = bench.agent(&[("a", "good\n")]);
        let bad = bench.agent(&[("a", "bad\n")]);
        let acted = bench.finish(bad, good, Status::Failed).unwrap();
        assert_eq!(acted.kind, ActedKind::RolledBack);
        best = best.min(acted.started_ms);
    }
    assert!(best <= 10, "it took {best} ms and more");
}
