//! What a burst holds together, and what is left of one that is given up.

use super::*;

fn with_mode(name: &str, n: u8, mode: u32) -> Seen {
    let FileState::File { content, size, .. } = state(n) else {
        unreachable!("a file is a file");
    };
    let state = FileState::File {
        content,
        size,
        mode,
    };
    Seen {
        path: path(name),
        outcome: Outcome::State(crate::event::known(state, None, false)),
    }
}

impl Bench {
    fn find(&mut self, seen: Seen) {
        self.tell(Event::Hints(vec![Hint::Look(seen.path.clone())]));
        let job = self.capture_job().unwrap();
        self.tell(Event::Captured {
            job,
            seen: vec![seen],
        });
    }
}

#[test]
fn a_mode_that_is_set_last_makes_no_second_version() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.find(with_mode(".a.Xy12", 2, 0o600));
    bench.find(with_mode(".a.Xy12", 2, 0o644));
    bench.save(".a.Xy12", 0);
    bench.save("a", 2);
    bench.later(20);
    assert_eq!(bench.recorded(), [(2, vec!["a".to_owned()])]);
    assert_eq!(
        bench.all_recorded.len(),
        1,
        "a temporary name is no version"
    );
}

#[test]
fn a_root_that_goes_leaves_the_tree_as_the_history_has_it() {
    let mut bench = Bench::armed(&[("a", 1), ("b", 2), ("c", 3)]);
    bench.save("a", 0);
    bench.save("b", 7);
    bench.save("new", 4);
    bench.tell(Event::Attached(false));
    assert!(bench.all_recorded.is_empty());
    let tree = bench.engine.tree();
    let found = ["a", "b", "c", "new"].map(|name| tree.state(&path(name)));
    assert_eq!(found, [state(1), state(2), state(3), FileState::Absent]);
}
