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

/// Two at work: one said nothing of what it writes, the other named `b`.
fn two_at_work(said: Option<&str>) -> Claims {
    let bracket = |session: &str, paths: Option<&str>| crate::Bracket {
        whose: crate::Attribution {
            session: Some(aft_model::SessionId(session.to_owned())),
            ..crate::Attribution::unknown()
        },
        paths: paths.map(|name| crate::Selection(vec![path(name)])),
    };
    let brackets = vec![bracket("one", said), bracket("two", Some("b"))];
    Claims::new(brackets, crate::Attribution::unknown())
}

#[test]
fn what_a_tool_says_that_it_wrote_holds_for_what_was_gathered_and_for_what_is_under_way() {
    let mut bench = Bench::armed(&[("a", 1), ("b", 2), ("c", 3)]);
    bench.engine.claims = Arc::new(two_at_work(None));
    bench.save("a", 7);
    bench.save("b", 7);
    // A bracket elsewhere opens or closes meanwhile, with claims from before.
    bench.tell(Event::Attribute {
        request: RequestId(9),
        claims: Arc::new(two_at_work(None)),
    });
    bench.tell(Event::Named(crate::Named {
        session: aft_model::SessionId("one".to_owned()),
        tool: None,
        from: None,
        to: crate::Selection(vec![path("a")]),
    }));
    let narrowed = two_at_work(Some("a"));
    assert_eq!(*bench.engine.claims, narrowed);
    let burst = bench.engine.burst.as_ref().unwrap();
    assert_eq!(*burst.claims, narrowed);
    let waiting = bench.engine.fences.iter().any(|fence| {
        matches!(&fence.waiter, crate::fence::Waiter::Attribute(_, claims) if **claims == narrowed)
    });
    assert!(waiting, "and what comes into force when the fence is true");
    bench.later(20);
    let owners: Vec<(String, usize)> = bench
        .recorded()
        .into_iter()
        .map(|(_, paths)| (paths.join(" "), paths.len()))
        .collect();
    assert_eq!(owners, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
}
