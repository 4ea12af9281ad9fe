//! Which writers a look is told of: by path and by directory, before and behind it, and what is not known after a loss.

use std::collections::VecDeque;

use aft_engine::JobId;
use aft_engine::Writer;
use aft_model::OperationId;
use aft_os::writers::{NotFollowed, Told, Writers};
use parking_lot::Mutex;

use super::following::ORPHANED_NS;
use super::*;
use crate::workspace::sessions::{Session, Sessions};

/// A kernel that says what it is told to say.
#[derive(Default)]
struct Said {
    told: Mutex<VecDeque<Told>>,
    living: Mutex<Vec<u64>>,
}

impl Writers for Said {
    fn follow(&self, key: u64, _pid: u32, _since_ns: i64) -> Result<(), NotFollowed> {
        self.living.lock().push(key);
        Ok(())
    }

    fn forget(&self, key: u64) {
        self.living.lock().retain(|one| *one != key);
    }

    fn told(&self) -> Told {
        self.told.lock().pop_front().unwrap_or_default()
    }

    fn living(&self) -> Vec<u64> {
        self.living.lock().clone()
    }
}

struct Bench {
    said: Arc<Said>,
    following: Following,
    trail: Trail,
    jobs: u64,
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn session(name: &str) -> Session {
    let mut session = Sessions::fresh(name.to_owned(), name.to_owned(), 0);
    session.pid = Some(7);
    session.told = OperationId(0);
    session
}

fn by(key: u64) -> Whose {
    Whose::Followed(vec![key])
}

fn step(text: &str, how: Wrought, whose: Whose) -> Wrote {
    let pid = match &whose {
        Whose::Followed(keys) => u32::try_from(keys[0]).unwrap() + 100,
        _ => 999,
    };
    Wrote {
        path: path(text),
        how,
        by: Arc::new(By {
            pid,
            name: Some("sh".to_owned()),
            whose,
        }),
        dir_is_gone: false,
    }
}

fn wrote(text: &str, whose: Whose) -> Wrote {
    step(text, Wrought::Changed, whose)
}

impl Bench {
    /// Sessions `a` and `b` have the keys 1 and 2.
    fn new() -> Self {
        let said = Arc::new(Said::default());
        let following = Following::new(Arc::clone(&said) as Arc<dyn Writers>);
        following.begin(&session("a"), 0);
        following.begin(&session("b"), 0);
        Self {
            said,
            following,
            trail: Trail::default(),
            jobs: 0,
        }
    }

    fn say(&self, wrote: Vec<Wrote>) {
        let told = Told { wrote, lost: false };
        self.said.told.lock().push_back(told);
    }

    fn begin(&mut self, items: &[(&str, How)]) -> JobId {
        self.jobs += 1;
        let items: Vec<WorkItem> = items
            .iter()
            .map(|(text, how)| WorkItem {
                path: path(text),
                how: *how,
            })
            .collect();
        let job = JobId(self.jobs);
        self.trail
            .look_begins(&self.following, job, Some(&items), (0, 0));
        job
    }

    /// Who wrote each path that is seen.
    fn end(&mut self, job: JobId, seen: &[(&str, Outcome)]) -> BTreeMap<String, Vec<String>> {
        let seen: Vec<Seen> = seen
            .iter()
            .map(|(text, outcome)| Seen {
                path: path(text),
                outcome: *outcome,
            })
            .collect();
        let found = self.trail.look_ended(&self.following, job, &seen, (0, 0));
        let name = |writer: &Writer| match writer {
            Writer::Of(sessions) => {
                let names: Vec<&str> = sessions.iter().map(|(id, _)| id.0.as_str()).collect();
                names.join("+")
            }
            Writer::Stranger => "stranger".to_owned(),
            Writer::Unknown => "unknown".to_owned(),
        };
        let of = |(path, evidence): (RelPath, Evidence)| {
            let writers = evidence.writers.iter().map(name).collect();
            (path.display(), writers)
        };
        found.into_iter().map(of).collect()
    }

    /// A look at one path that finds it changed.
    fn look(&mut self, text: &str) -> Vec<String> {
        let job = self.begin(&[(text, How::Single)]);
        let mut found = self.end(job, &[(text, changed())]);
        found.remove(text).unwrap_or_default()
    }
}

fn changed() -> Outcome {
    Outcome::State(aft_model::Known {
        state: aft_model::FileState::Dir { mode: 0o755 },
        stat: None,
        ignored: false,
    })
}

#[test]
fn what_was_written_before_a_look_counts_for_it_and_not_for_the_next() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1))]);
    assert_eq!(bench.look("x"), ["a"]);
    bench.say(vec![wrote("x", by(2)), wrote("x", Whose::Nobody)]);
    assert_eq!(bench.look("x"), ["b", "stranger"]);
    assert!(bench.look("x").is_empty());
}

#[test]
fn what_is_written_during_a_look_may_be_in_it_and_counts_for_the_next_as_well() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1))]);
    let job = bench.begin(&[("x", How::Single)]);
    bench.say(vec![wrote("x", by(2))]);
    assert_eq!(bench.end(job, &[("x", changed())])["x"], ["a", "b"]);
    assert_eq!(bench.look("x"), ["b"]);
    assert!(bench.look("x").is_empty());
}

#[test]
fn what_a_look_finds_unchanged_is_forgotten() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1)), wrote("y", by(1))]);
    let job = bench.begin(&[("x", How::Single)]);
    assert!(
        bench
            .end(job, &[("x", Outcome::Unchanged(None))])
            .is_empty()
    );
    assert!(bench.look("x").is_empty());
    assert_eq!(bench.look("y"), ["a"]);
}

#[test]
fn who_moved_a_directory_wrote_everything_in_it_and_who_made_it_did_not() {
    let mut bench = Bench::new();
    bench.say(vec![
        step("from", Wrought::Tree, by(1)),
        step("to", Wrought::Tree, by(1)),
        wrote("made", by(2)),
        wrote("to/y", by(2)),
    ]);
    let job = bench.begin(&[
        ("from", How::Subtree),
        ("to", How::Subtree),
        ("made", How::Subtree),
    ]);
    let found = bench.end(
        job,
        &[
            ("from/x", Outcome::Gone),
            ("to/x", changed()),
            ("to/y", changed()),
            ("made", changed()),
            ("made/x", changed()),
        ],
    );
    assert_eq!(found["from/x"], ["a"]);
    assert_eq!(found["to/x"], ["a"]);
    assert_eq!(found["to/y"], ["b", "a"]);
    assert_eq!(found["made"], ["b"]);
    assert!(!found.contains_key("made/x"));
    assert!(bench.trail.paths.is_empty());
}

#[test]
fn who_only_closed_a_file_counts_where_nobody_else_wrote_it() {
    let mut bench = Bench::new();
    bench.say(vec![
        step("mapped", Wrought::Closed, by(1)),
        wrote("written", by(2)),
        step("written", Wrought::Closed, by(1)),
    ]);
    assert_eq!(bench.look("mapped"), ["a"]);
    assert_eq!(bench.look("written"), ["b"]);
}

#[test]
fn a_name_in_a_directory_that_is_gone_tells_who_removed_it() {
    let mut bench = Bench::new();
    let gone = |text: &str, key: u64| Wrote {
        dir_is_gone: true,
        ..wrote(text, by(key))
    };
    bench.say(vec![
        gone("x", 2),
        gone("y", 2),
        wrote("dir", by(2)),
        wrote("y", by(1)),
    ]);
    let job = bench.begin(&[
        ("dir", How::Subtree),
        ("y", How::Single),
        ("stays/x", How::Single),
    ]);
    let found = bench.end(
        job,
        &[
            ("dir/x", Outcome::Gone),
            ("dir", Outcome::Gone),
            ("y", Outcome::Gone),
            ("stays/x", Outcome::Gone),
            ("other/x", changed()),
        ],
    );
    assert_eq!(found["dir/x"], ["b"]);
    // Its directory is there still, so that it was another of that name.
    assert_eq!(found["y"], ["a"]);
    assert!(!found.contains_key("stays/x"));
    assert!(!found.contains_key("other/x"));
}

#[test]
fn after_a_loss_nobody_knows_until_a_later_fence_is_true() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1))]);
    bench.said.told.lock().push_back(Told {
        wrote: Vec::new(),
        lost: true,
    });
    let job = bench.begin(&[("x", How::Single)]);
    assert!(bench.end(job, &[("x", changed())]).is_empty());
    bench.say(vec![wrote("y", by(1))]);
    assert!(bench.look("y").is_empty());
    // Asked for before.
    bench.trail.fence_is_true(RequestId(0));
    bench.say(vec![wrote("y", by(1))]);
    assert!(bench.look("y").is_empty());
    bench.trail.fence_is_true(RequestId(1));
    bench.say(vec![wrote("y", by(1))]);
    assert_eq!(bench.look("y"), ["a"]);
}

#[test]
fn a_session_that_ended_has_what_it_wrote_and_is_known_still() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1))]);
    let job = bench.begin(&[("x", How::Single)]);
    bench.following.end("a");
    assert_eq!(bench.end(job, &[("x", changed())])["x"], ["a"]);
    let known = bench.following.known();
    assert!(known.contains(&SessionId("a".to_owned())));
    // Its process ended, and the session did not.
    bench.said.living.lock().clear();
    assert!(!bench.following.known().contains(&SessionId("b".to_owned())));
}

#[test]
fn a_session_that_nobody_ends_is_followed_as_long_as_its_process_lives_and_a_while() {
    let mut bench = Bench::new();
    bench.said.living.lock().retain(|key| *key == 1);
    bench.trail.rest(&bench.following, (REST_NS, 0));
    bench.say(vec![wrote("x", by(2))]);
    assert_eq!(bench.look("x"), ["b"]);
    bench
        .trail
        .rest(&bench.following, (REST_NS + ORPHANED_NS, 0));
    let open = bench.following.sessions.lock().open.len();
    assert_eq!(open, 1);
    let known = bench.following.known();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].0, "a");
}

#[test]
fn what_the_store_did_not_take_keeps_its_writers_until_it_does() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("x", by(1))]);
    let job = bench.begin(&[("x", How::Single)]);
    assert!(bench.end(job, &[("x", Outcome::Behind)]).is_empty());
    bench.say(vec![wrote("x", by(2))]);
    assert_eq!(bench.look("x"), ["a", "b"]);
}

#[test]
fn what_nobody_will_look_at_is_forgotten_and_more_than_there_is_room_for_is_a_loss() {
    let mut bench = Bench::new();
    bench.say(vec![wrote("ignored/x", by(1))]);
    let job = bench.begin(&[("y", How::Single)]);
    bench.end(job, &[("y", changed())]);
    bench.trail.rest(&bench.following, (STALE_NS - 1, 0));
    assert!(!bench.trail.paths.is_empty());
    bench.trail.rest(&bench.following, (STALE_NS + REST_NS, 0));
    assert!(bench.trail.paths.is_empty());
    let many = (0..=PATHS_MAX).map(|n| wrote(&format!("p{n}"), by(1)));
    bench.say(many.collect());
    assert!(bench.look("p1").is_empty());
    assert!(bench.trail.paths.is_empty());
}
