//! Against the kernel of this machine. Without the privilege nothing can be tested here, and that is said.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::family;
use super::super::{Whose, family::Family};
use super::*;

/// A directory whose writers are told, with two shells.
struct Bench {
    dir: tempfile::TempDir,
    writers: KernelWriters,
}

/// A shell that does what it is told and says when.
struct Shell {
    child: Child,
    said: std::io::BufReader<std::process::ChildStdout>,
}

impl Shell {
    #[expect(
        clippy::disallowed_methods,
        reason = "the processes under test are somebody else's"
    )]
    fn start(dir: &Path) -> Self {
        let mut child = Command::new("sh")
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = std::io::BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn run(&mut self, command: &str) {
        use std::io::BufRead as _;
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{command}\necho done").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n", "{command}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

impl Bench {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let root = Arc::new(RealRoot::open(dir.path()).unwrap());
        match KernelWriters::probe(root) {
            Ok(mut writers) => {
                // The shells are this process's children, and are to be strangers.
                writers.own = 0;
                Some(Self { dir, writers })
            }
            Err(NoWriters::Privilege) => {
                eprintln!("SKIPPED: the kernel says who writes only with CAP_SYS_ADMIN");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn shell(&self) -> Shell {
        Shell::start(self.dir.path())
    }

    /// For each path whose it was; `gone/` stands before the names in directories that are not there any more.
    fn told(&self) -> BTreeMap<String, Vec<Whose>> {
        let told = self.writers.told();
        assert!(!told.lost);
        let mut all: BTreeMap<String, Vec<Whose>> = BTreeMap::new();
        for wrote in told.wrote {
            let gone = if wrote.dir_is_gone { "gone/" } else { "" };
            let of = all
                .entry(format!("{gone}{}", wrote.path.display()))
                .or_default();
            if !of.contains(&wrote.by.whose) {
                of.push(wrote.by.whose.clone());
            }
        }
        all
    }
}

const LATER: i64 = i64::MAX;

fn of(key: u64) -> Vec<Whose> {
    vec![Whose::Followed(vec![key])]
}

/// Where the kernel does not tell which process began which (in a PID namespace, say), one that ended at once may be
/// unknown. It is never somebody else.
fn assert_whose(told: &[Whose], expected: &[Whose]) {
    if Family::start().is_told() {
        assert_eq!(told, expected);
    } else {
        let known = told.iter().filter(|whose| **whose != Whose::Unknown);
        let wrong: Vec<_> = known.filter(|whose| !expected.contains(whose)).collect();
        assert!(wrong.is_empty(), "{told:?}, of {expected:?}");
    }
}

#[test]
fn writes_renames_removals_and_directories_are_told_with_their_process() {
    let Some(bench) = Bench::new() else { return };
    let (mut one, mut two) = (bench.shell(), bench.shell());
    bench.writers.follow(1, one.child.id(), LATER).unwrap();
    bench.writers.follow(2, two.child.id(), LATER).unwrap();
    one.run("echo a > a; echo b > b; mkdir d; echo x > d/x; echo y > d/y");
    two.run("echo more >> a; mv b c; chmod 600 d/x; mkdir -p deep/er; echo z > deep/er/z");
    one.run("rm d/y");
    let told = bench.told();
    assert_whose(&told["a"], &[of(1), of(2)].concat());
    assert_whose(&told["b"], &[of(1), of(2)].concat());
    assert_whose(&told["c"], &of(2));
    assert_whose(&told["d"], &of(1));
    assert_whose(&told["d/x"], &[of(1), of(2)].concat());
    assert_whose(&told["d/y"], &of(1));
    // The directory was made a moment before.
    assert_whose(&told["deep/er/z"], &of(2));
    assert!(bench.told().is_empty());
    two.run("rm -r deep");
    let told = bench.told();
    assert_whose(&told["deep"], &of(2));
}

#[test]
fn a_removed_directory_leaves_the_names_in_it() {
    let Some(bench) = Bench::new() else { return };
    let mut one = bench.shell();
    one.run("mkdir -p deep/er; echo > deep/er/z");
    bench.writers.follow(1, one.child.id(), LATER).unwrap();
    one.run("rm -r deep");
    let told = bench.told();
    // Where it was heard before the directory went as well, it has its whole name.
    assert!(
        told.get("gone/z")
            .or(told.get("deep/er/z"))
            .is_some_and(|whose| *whose == of(1))
    );
    assert!(
        told.get("gone/er")
            .or(told.get("deep/er"))
            .is_some_and(|whose| *whose == of(1))
    );
    assert_eq!(told["deep"], of(1));
}

#[test]
fn descendants_are_told_though_they_ended_at_once_and_strangers_are_nobodys() {
    let Some(bench) = Bench::new() else { return };
    let (mut one, mut stranger) = (bench.shell(), bench.shell());
    bench.writers.follow(7, one.child.id(), LATER).unwrap();
    one.run("sh -c 'sh -c \"echo x > grandchild\"'");
    one.run("for i in 1 2 3 4 5; do cp grandchild copy$i; done");
    stranger.run("echo x > strange; cp strange stranger");
    // Its parent has ended, and it goes on.
    one.run("sh -c '(sleep 0.2; echo x > orphan) &'; sleep 0.4");
    let told = bench.told();
    assert_eq!(told["strange"], [Whose::Nobody]);
    if Family::start().is_told() {
        assert_eq!(told["grandchild"], of(7));
        for n in 1..=5 {
            assert_eq!(told[&format!("copy{n}")], of(7));
        }
        assert_eq!(told["orphan"], of(7));
        assert_eq!(told["stranger"], [Whose::Nobody]);
    } else {
        eprintln!("SKIPPED in part: the kernel does not tell here which process began which");
        assert_ne!(told["stranger"], of(7));
    }
}

#[test]
fn the_nearest_that_is_followed_is_told_and_what_came_before_or_after_is_not() {
    let Some(bench) = Bench::new() else { return };
    let mut one = bench.shell();
    one.run("echo x > before");
    bench.writers.follow(1, std::process::id(), LATER).unwrap();
    one.run("echo x > first");
    bench.writers.follow(2, one.child.id(), LATER).unwrap();
    bench.writers.follow(3, one.child.id(), LATER).unwrap();
    one.run("echo x > second");
    bench.writers.forget(3);
    one.run("echo x > third");
    assert_eq!(bench.writers.living(), [1, 2]);
    bench.writers.forget(2);
    bench.writers.forget(1);
    one.run("echo x > after");
    let told = bench.told();
    assert!(!told.contains_key("before"));
    assert_eq!(told["first"], of(1));
    assert_eq!(told["second"], [Whose::Followed(vec![2, 3])]);
    assert_eq!(told["third"], of(2));
    assert!(!told.contains_key("after"));
    assert!(bench.writers.living().is_empty());
}

#[test]
fn a_number_that_was_given_to_another_since_is_not_followed() {
    let Some(bench) = Bench::new() else { return };
    let one = bench.shell();
    let began = family::began_ns(one.child.id()).unwrap();
    let before = began - 2 * CLOCK_SLACK_NS;
    assert!(bench.writers.follow(1, one.child.id(), before).is_err());
    assert!(bench.writers.follow(1, 1, LATER).is_err());
    assert!(bench.writers.follow(1, 0, LATER).is_err());
    assert!(bench.writers.follow(1, one.child.id(), began).is_ok());
    let pid = one.child.id();
    drop(one);
    assert!(bench.writers.living().is_empty());
    assert!(bench.writers.follow(2, pid, LATER).is_err());
}

#[test]
fn an_overflow_is_told_and_more_than_there_is_room_for_is_given_up() {
    let Some(bench) = Bench::new() else { return };
    let mut one = bench.shell();
    bench.writers.follow(1, one.child.id(), LATER).unwrap();
    let mut state = bench.writers.shared.lock();
    // The queue takes as much as the system says, and nobody reads.
    let most: u32 = fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(16_384);
    for n in 0..most + 100 {
        fs::File::create(bench.dir.path().join(format!("f{n}"))).unwrap();
    }
    let mut told = Told::default();
    state.source.as_mut().unwrap().read_dry(&mut told).unwrap();
    drop(state);
    assert!(told.lost);
    one.run("echo x > after");
    assert_eq!(bench.told()["after"], of(1));
}
