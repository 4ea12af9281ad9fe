//! What is counted along, and which rules a configuration comes to. That names come about is tested end to end.

use aft_engine::Tree;
use aft_engine::policy::{Cause, Rules};
use aft_model::{
    Change, ContentId, FileState, Keep, Known, Operation, OperationId, OperationKind, RelPath,
};

use super::counts::{Counts, before};
use super::lines::between;
use super::rules;
use crate::config::{Config, Source};

fn configured(text: &str) -> Rules {
    let source = Source {
        file: "config.toml".to_owned(),
        text: text.to_owned(),
    };
    let config = Config::from_sources(Some(&source), None).unwrap();
    rules(&config.checkpoint)
}

#[test]
fn every_rule_is_on_until_the_configuration_says_otherwise() {
    assert_eq!(configured(""), Rules::default());
    for cause in Cause::ALL {
        let off = configured(&format!(
            "[[checkpoint]]\non = \"{}\"\nenabled = false\n",
            cause.as_str()
        ));
        assert_eq!(off, Rules::default().without(cause), "{cause:?}");
    }
    let kept = configured("[[checkpoint]]\non = \"large-refactor\"\nkeep = \"permanent\"\n");
    assert_eq!(
        kept.get(Cause::LargeRefactor).unwrap().keep,
        Keep::Permanent
    );
    let sized = "[[checkpoint]]\non = \"large-refactor\"\nfiles = 3\nlines = 4\nwindow = \"5s\"\n";
    let rule = configured(sized).get(Cause::LargeRefactor).unwrap();
    assert_eq!(
        (rule.files, rule.lines, rule.window_ns),
        (3, 4, 5_000_000_000)
    );
}

#[test]
fn lines_that_are_in_only_one_text_are_counted() {
    assert_eq!(between(b"", b""), 0);
    assert_eq!(between(b"a\nb\nc\n", b"a\nc\nb\n"), 0, "moved");
    assert_eq!(between(b"a\nb\n", b"a\nB\n"), 2);
    assert_eq!(between(b"", b"x\nx\nx"), 3, "the last one has no end");
    assert_eq!(between(b"x\nx\n", b"x\n"), 1);
}

fn file(size: u64) -> FileState {
    FileState::File {
        content: ContentId([u8::try_from(size % 250).unwrap(); 32]),
        size,
        mode: 0o644,
    }
}

fn state(drawn: u64) -> FileState {
    match drawn {
        0 => FileState::Absent,
        1 => FileState::Dir { mode: 0o755 },
        2 => FileState::Symlink {
            target: ContentId([9; 32]),
        },
        size => file(size),
    }
}

fn known(state: FileState) -> Known {
    Known {
        state,
        stat: None,
        ignored: false,
    }
}

/// Counting along, and taking back what came since, both come to what a walk of the tree finds.
#[test]
fn counting_along_is_what_a_walk_finds() {
    for seed in 1..100 {
        story(seed);
    }
}

fn story(seed: u64) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let path = |at: usize| RelPath::new(format!("p{at}")).unwrap();
    let mut states = vec![vec![FileState::Absent; 6]];
    let tree = |states: &[FileState]| {
        let there = states
            .iter()
            .enumerate()
            .filter(|(_, state)| state.exists());
        Tree::from_entries(there.map(|(at, state)| (path(at), known(*state))))
    };
    let mut counts = Counts::new(OperationId(1), &tree(&states[0]));
    for number in 2..40 {
        let mut now = states.last().unwrap().clone();
        let at = usize::try_from(draw(6)).unwrap();
        let after = state(draw(20));
        counts.take(&operation(number, path(at), now[at], after));
        now[at] = after;
        states.push(now);
    }
    let newest = states.last().unwrap();
    let newest_tree = tree(newest);
    for (number, then) in (1..).zip(&states) {
        let walked = tree(then);
        let expected = (walked.n_files(), walked.n_bytes());
        assert_eq!(
            counts.at(OperationId(number)),
            Some(expected),
            "seed {seed}"
        );
        let since: Vec<_> = (0..6)
            .filter(|at| then[*at] != newest[*at])
            .map(|at| (path(at), then[at]))
            .collect();
        assert_eq!(before(&newest_tree, &since), expected, "seed {seed}");
    }
    counts.forget();
    assert_eq!(counts.at(OperationId(1)), None);
}

fn operation(number: u64, path: RelPath, before: FileState, after: FileState) -> Operation {
    Operation::bare(
        OperationId(number),
        OperationKind::Observed,
        vec![Change {
            path,
            before,
            after,
            renamed_from: None,
        }],
    )
}
