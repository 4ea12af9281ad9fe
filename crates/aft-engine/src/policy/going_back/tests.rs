//! Going back: single reasons against it, and seeded stories judged by an oracle that keeps contents instead of numbers.

use aft_model::OperationId;
use proptest::prelude::*;

use super::super::{Decision, Happened, Policy, Rules};
use super::{Action, By, Good, Judged, Outcome, PastRollback, Since, Verdict, WhyNot};

const MINUTE: i64 = 60_000_000_000;

fn bad(action: Action) -> Judged {
    Judged {
        check: "tests".to_owned(),
        outcome: Outcome::Failed,
        acts: true,
        action,
        reason: "4 of 10 tests failed".to_owned(),
    }
}

fn good(operation: u64) -> Option<Good> {
    Some(Good {
        operation: OperationId(operation),
        state: OperationId(operation),
    })
}

fn since(by: &[By]) -> Vec<Since> {
    let numbered = (3..).zip(by);
    numbered
        .map(|(number, by)| Since {
            operation: OperationId(number),
            by: *by,
        })
        .collect()
}

fn decide(policy: &mut Policy, judged: &[Judged], by: &[By], good: Option<Good>) -> Vec<Decision> {
    let since = since(by);
    let checked = OperationId(2 + by.len() as u64);
    policy.handle(Happened::Verdict(&Verdict {
        now_ns: 100 * MINUTE,
        operation: checked,
        head: checked,
        judged,
        is_whole: true,
        good,
        since: &since,
        unverified: &[],
    }))
}

fn fresh() -> Policy {
    Policy::new(Rules::none(), OperationId(1))
}

fn why_not(decisions: &[Decision]) -> Option<WhyNot> {
    decisions.iter().find_map(|decision| match decision {
        Decision::Suggest(suggestion) => Some(suggestion.why_not),
        _ => None,
    })
}

#[test]
fn an_agents_own_failure_goes_back_to_the_last_state_that_passed() {
    let decisions = decide(
        &mut fresh(),
        &[bad(Action::RollBack)],
        &[By::Agent, By::Afterimage, By::Agent],
        good(2),
    );
    let [Decision::RollBack(back)] = decisions.as_slice() else {
        panic!("{decisions:?}");
    };
    assert_eq!(back.to.operation, OperationId(2));
    assert_eq!(back.from, OperationId(5));
    assert_eq!(back.keep_failed_as, "failed-5");
    assert_eq!(back.checks, ["tests"]);
}

#[test]
fn whatever_is_not_the_agents_own_failure_only_suggests_or_is_silent() {
    let back = [bad(Action::RollBack)];
    for (judged, by, to, expected) in [
        (
            &[bad(Action::Suggest)],
            &[By::Agent][..],
            good(2),
            Some(WhyNot::Configured),
        ),
        (&[bad(Action::Off)], &[By::Agent], good(2), None),
        (&back, &[By::Agent], None, Some(WhyNot::NoGoodState)),
        (&back, &[], good(2), Some(WhyNot::SameState)),
        (
            &back,
            &[By::Agent, By::Person],
            good(2),
            Some(WhyNot::Person),
        ),
        (
            &back,
            &[By::Unknown, By::Agent],
            good(2),
            Some(WhyNot::Person),
        ),
        (
            &back,
            &[By::OtherAgent, By::Agent],
            good(2),
            Some(WhyNot::OtherAgent),
        ),
    ] {
        let decisions = decide(&mut fresh(), judged, by, to);
        assert_eq!(why_not(&decisions), expected, "{judged:?} {by:?}");
        assert_eq!(decisions.len(), usize::from(expected.is_some()));
    }
    for outcome in [Outcome::Broken, Outcome::Passed] {
        let judged = [Judged {
            outcome,
            ..bad(Action::RollBack)
        }];
        assert_eq!(decide(&mut fresh(), &judged, &[By::Agent], good(2)), []);
    }
    let below = [Judged {
        acts: false,
        ..bad(Action::RollBack)
    }];
    assert_eq!(decide(&mut fresh(), &below, &[By::Agent], good(2)), []);
}

#[test]
fn beside_a_persons_edit_the_agents_own_part_is_offered() {
    let by = [By::Agent, By::Person, By::Agent];
    let decisions = decide(&mut fresh(), &[bad(Action::RollBack)], &by, good(2));
    let [Decision::Suggest(suggestion)] = decisions.as_slice() else {
        panic!("{decisions:?}");
    };
    assert_eq!(
        suggestion.agents_part,
        [OperationId(3), OperationId(5)],
        "{suggestion:?}"
    );
}

#[test]
fn a_newer_state_is_not_gone_over_on_an_older_ones_verdict() {
    let since = since(&[By::Agent, By::Agent]);
    let decisions = fresh().handle(Happened::Verdict(&Verdict {
        now_ns: 0,
        operation: OperationId(3),
        head: OperationId(4),
        judged: &[bad(Action::RollBack)],
        is_whole: true,
        good: good(2),
        since: &since,
        unverified: &[],
    }));
    assert_eq!(why_not(&decisions), Some(WhyNot::MovedOn));
}

#[test]
fn the_breaker_opens_once_after_three_in_ten_minutes_and_after_two_to_one_state() {
    let at = |minute: i64, to: u64| {
        Happened::WentBack(PastRollback {
            at_ns: minute * MINUTE,
            to: OperationId(to),
        })
    };
    let judged = [bad(Action::RollBack)];
    let mut policy = fresh();
    for (minute, to) in [(91, 10), (95, 11), (99, 12)] {
        policy.handle(at(minute, to));
    }
    let decisions = decide(&mut policy, &judged, &[By::Agent], good(2));
    assert_eq!(decisions[0], Decision::BreakerOpened(WhyNot::TooOften));
    assert_eq!(why_not(&decisions), Some(WhyNot::TooOften));
    let again = decide(&mut policy, &judged, &[By::Agent], good(2));
    assert_eq!(again.len(), 1, "told once: {again:?}");

    let mut policy = fresh();
    for (minute, to) in [(90, 10), (95, 11), (99, 12)] {
        policy.handle(at(minute, to));
    }
    let decisions = decide(&mut policy, &judged, &[By::Agent], good(2));
    assert!(
        matches!(decisions[..], [Decision::RollBack(_)]),
        "the first is over"
    );

    let mut policy = fresh();
    policy.handle(at(1, 2));
    policy.handle(at(50, 2));
    let decisions = decide(&mut policy, &judged, &[By::Agent], good(2));
    assert_eq!(decisions[0], Decision::BreakerOpened(WhyNot::SameAgain));
    // The same state under a newer number, because a way back led to it.
    let renumbered = Some(Good {
        operation: OperationId(2),
        state: OperationId(1),
    });
    let decisions = decide(&mut policy, &judged, &[By::Agent], renumbered);
    assert!(
        matches!(decisions[..], [Decision::RollBack(_)]),
        "{decisions:?}"
    );
}

/// A story: who did what, and what checks said; contents are what the oracle goes by.
struct Story {
    random: u64,
    policy: Policy,
    now_ns: i64,
    /// Of each operation: whose, and the content of the workspace after it.
    log: Vec<(By, u64)>,
    fresh_content: u64,
    /// Contents that passed, with the operation they were checked at.
    passed: Vec<(usize, u64)>,
    /// When, and to which content.
    went_back: Vec<(i64, u64)>,
    counts: [usize; 3],
}

impl Story {
    fn of(seed: u64) -> Self {
        Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            policy: fresh(),
            now_ns: 0,
            log: vec![(By::Agent, 0)],
            fresh_content: 0,
            passed: Vec::new(),
            went_back: Vec::new(),
            counts: [0; 3],
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn edit(&mut self) {
        let by = match self.draw(12) {
            0 => By::Person,
            1 => By::Unknown,
            2 => By::OtherAgent,
            _ => By::Agent,
        };
        self.fresh_content += 1;
        self.log.push((by, self.fresh_content));
    }

    /// What must follow, told from contents and the whole log.
    fn must_go_back(&self, checked: usize, is_bad: bool, wants: bool) -> Option<u64> {
        let (at, content) = *self.passed.last()?;
        let between = self.log.get(at + 1..)?;
        let clean = between
            .iter()
            .all(|(by, _)| matches!(by, By::Agent | By::Afterimage));
        let lately = self
            .went_back
            .iter()
            .filter(|(then, _)| self.now_ns - then < 10 * MINUTE)
            .count();
        let to_it = self
            .went_back
            .iter()
            .filter(|(_, to)| *to == content)
            .count();
        let newest = checked + 1 == self.log.len();
        let acts = is_bad && wants && clean && newest && !between.is_empty();
        (acts && lately < 3 && to_it < 2).then_some(content)
    }

    fn check(&mut self) {
        // Sometimes something was written while the check ran.
        let behind = usize::from(self.draw(8) == 0);
        let checked = self.log.len().saturating_sub(1 + behind);
        if self.passed.last().is_some_and(|(at, _)| *at >= checked) {
            return;
        }
        let (outcome, acts) = match self.draw(6) {
            0 | 1 => (Outcome::Passed, false),
            2 => (Outcome::Failed, false),
            3 => (Outcome::Broken, self.draw(2) == 0),
            _ => (Outcome::Failed, true),
        };
        let wants = self.draw(5) > 0;
        let is_bad = outcome == Outcome::Failed && acts;
        let expected = self.must_go_back(checked, is_bad, wants);
        let judged = [Judged {
            check: "c".to_owned(),
            outcome,
            acts,
            action: if wants {
                Action::RollBack
            } else {
                Action::Suggest
            },
            reason: String::new(),
        }];
        let number = |at: usize| OperationId(at as u64 + 1);
        let good = self.passed.last().map(|(at, content)| Good {
            operation: number(*at),
            state: number(self.log.iter().position(|(_, c)| c == content).unwrap()),
        });
        let from = self.passed.last().map_or(0, |(at, _)| at + 1);
        let since: Vec<Since> = (from..self.log.len())
            .map(|at| Since {
                operation: number(at),
                by: self.log[at].0,
            })
            .collect();
        let decisions = self.policy.handle(Happened::Verdict(&Verdict {
            now_ns: self.now_ns,
            operation: number(checked),
            head: number(self.log.len() - 1),
            judged: &judged,
            is_whole: true,
            good,
            since: &since,
            unverified: &[],
        }));
        let went = decisions.iter().find_map(|decision| match decision {
            Decision::RollBack(back) => Some(back.to),
            _ => None,
        });
        let to = went.map(|good| self.log[good.operation.0 as usize - 1].1);
        self.counts[0] += usize::from(expected.is_some());
        self.counts[1] += usize::from(to.is_some() && to != expected);
        self.counts[2] += usize::from(to.is_none() && expected.is_some());
        if outcome == Outcome::Passed {
            self.passed.push((checked, self.log[checked].1));
        }
        if let (Some(good), Some(content)) = (went, to) {
            self.log.push((By::Afterimage, content));
            self.went_back.push((self.now_ns, content));
            self.policy.handle(Happened::WentBack(PastRollback {
                at_ns: self.now_ns,
                to: good.state,
            }));
        }
    }
}

#[test]
fn two_hundred_stories_have_no_false_way_back_and_no_missed_one() {
    let mut counts = [0; 3];
    for seed in 1..=200 {
        let mut story = Story::of(seed);
        for _ in 0..60 {
            story.now_ns += i64::try_from(story.draw(4)).unwrap() * MINUTE / 2;
            if story.draw(3) == 0 {
                story.check();
            } else {
                story.edit();
            }
        }
        assert_eq!(story.counts[1..], [0, 0], "seed {seed}: false, missed");
        counts[0] += story.counts[0];
    }
    assert!(counts[0] > 200, "the stories have {} ways back", counts[0]);
}

proptest! {
    #[test]
    fn nothing_goes_back_over_a_person_or_on_a_broken_check(
        by in prop::collection::vec(0..5usize, 0..6),
        outcomes in prop::collection::vec((0..3usize, any::<bool>(), 0..3usize), 0..4),
    ) {
        let whose = [By::Agent, By::OtherAgent, By::Person, By::Unknown, By::Afterimage];
        let by: Vec<By> = by.into_iter().map(|at| whose[at]).collect();
        let judged: Vec<Judged> = outcomes
            .iter()
            .map(|(outcome, acts, action)| Judged {
                outcome: [Outcome::Passed, Outcome::Failed, Outcome::Broken][*outcome],
                acts: *acts,
                action: [Action::Off, Action::Suggest, Action::RollBack][*action],
                ..bad(Action::Off)
            })
            .collect();
        let decisions = decide(&mut fresh(), &judged, &by, good(2));
        let went = decisions.iter().any(|one| matches!(one, Decision::RollBack(_)));
        let may = by.iter().all(|by| matches!(by, By::Agent | By::Afterimage)) && !by.is_empty();
        let must = judged.iter().any(|one| {
            one.outcome == Outcome::Failed && one.acts && one.action == Action::RollBack
        });
        prop_assert_eq!(went, may && must);
    }
}
