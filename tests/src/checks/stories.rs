//! What happens in a story: a kind of check, what an agent does to it turn by turn, and what must follow.
//!
//! Does: choose by a seed, write the check's script and the files of each turn, say whether a rule goes back.
//! Does not: play it; `seeded` does.

use std::collections::VecDeque;

use serde_json::json;

use super::agent::{Rig, SOON, words};

/// What a check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tests,
    Flaky,
    Compiles,
    Speed,
    Breaks,
    Person,
    Loop,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Tests,
        Self::Flaky,
        Self::Compiles,
        Self::Speed,
        Self::Breaks,
        Self::Person,
        Self::Loop,
    ];
}

/// What a turn does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// So many of ten tests fail.
    Failing(usize),
    /// So many fail when they are run first, and none after that.
    Flaky(usize),
    /// It does not compile.
    CompileError,
    /// It compiles with a warning.
    Warning,
    /// So many percent slower, with so many percent of noise.
    Slower(u32, u32),
    /// The check itself breaks.
    Broken(&'static str),
    /// So many fail, and a person writes while they run.
    PersonMeanwhile,
    /// All is well again.
    Mended,
}

/// How checks break.
const BROKEN: [&str; 9] = [
    "exit 125",
    "exit 126",
    "exit 127",
    "kill -SEGV $$",
    "kill -TERM $$",
    "sleep 600",
    "sleep 600 & setsid sleep 600 & exit 125",
    "head -c 20000000 /dev/zero; exit 125",
    "exec no-such-command-at-all",
];

/// How reports of tests look.
const FORMS: [&str; 4] = ["tap", "junit", "libtest", "pytest"];

pub(super) struct Story {
    pub(super) kind: Kind,
    form: &'static str,
    random: u64,
    gate: tempfile::TempDir,
    good: Vec<(&'static str, String)>,
    n_turns: u64,
    /// What was measured in the last good state.
    base: f64,
    /// Ways back to the last good state, and in all.
    to_good: usize,
    in_all: usize,
}

impl Story {
    pub(super) fn new(seed: u64) -> Self {
        let kind = Kind::ALL[seed as usize % Kind::ALL.len()];
        let mut story = Self {
            kind,
            form: "",
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            gate: tempfile::tempdir().unwrap(),
            good: Vec::new(),
            n_turns: 0,
            base: 1.0,
            to_good: 0,
            in_all: 0,
        };
        story.form = match kind {
            Kind::Compiles => "cargo",
            Kind::Speed => "hyperfine",
            _ => FORMS[story.below(FORMS.len() as u64) as usize],
        };
        std::fs::write(story.gate.path().join("open"), "").unwrap();
        story.good = story.made(&Event::Mended);
        story
    }

    pub(super) fn form(&self) -> &str {
        self.form
    }

    /// Less than `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % n
    }

    pub(super) fn config(&self) -> String {
        let open = self.gate.path().join("open");
        let open = open.display();
        let script = format!(
            "while [ ! -e {open} ]; do sleep 0.02; done; eval \"$(cat mode)\"; {}",
            script(self.form)
        );
        let run = words(&["sh", "-c", &script]);
        let rule = match self.kind {
            Kind::Compiles => "compile-error",
            Kind::Speed => "slower",
            _ => "failure-rate",
        };
        let timeout = if self.kind == Kind::Breaks {
            "4s"
        } else {
            "60s"
        };
        let form = self.form;
        format!(
            "[[verify]]\nname = \"tests\"\nrun = {run}\nparse = \"{form}\"\nrule = \"{rule}\"\naction = \"rollback\"\ntimeout = \"{timeout}\"\n"
        )
    }

    pub(super) fn good(&self) -> Vec<(&'static str, &str)> {
        refer(&self.good)
    }

    /// What happens, in order.
    pub(super) fn events(&mut self) -> VecDeque<Event> {
        let few = Event::Failing(1 + self.below(3) as usize);
        let many = Event::Failing(4 + self.below(7) as usize);
        let n_flaky = 1 + self.below(10) as usize;
        let broken = Event::Broken(BROKEN[self.below(BROKEN.len() as u64) as usize]);
        let slower = Event::Slower(27 + self.below(40) as u32, 1 + self.below(3) as u32);
        let quiet = Event::Slower(self.below(15) as u32, 1 + self.below(3) as u32);
        let loud = Event::Slower(10 + self.below(30) as u32, 80 + self.below(20) as u32);
        let mut events: Vec<Event> = match self.kind {
            Kind::Tests => vec![few, many, Event::Mended],
            Kind::Flaky => vec![Event::Flaky(n_flaky), many],
            Kind::Compiles => vec![Event::Warning, Event::CompileError, Event::Mended],
            // After what is as loud as that nothing is certain either.
            Kind::Speed => vec![quiet, slower, loud],
            Kind::Breaks => vec![broken, many],
            // Nothing is certain of what comes after a person.
            Kind::Person => vec![few, Event::PersonMeanwhile],
            Kind::Loop => vec![many.clone(), many.clone(), many],
        };
        let is_free = !matches!(self.kind, Kind::Speed | Kind::Person | Kind::Loop);
        if is_free && self.below(2) == 0 {
            events.rotate_left(1);
        }
        events.into()
    }

    /// The files of a turn.
    pub(super) fn files(&mut self, event: &Event) -> Vec<(&'static str, &'static str)> {
        self.n_turns += 1;
        let made = self.made(event);
        if self.passes(event) {
            self.good.clone_from(&made);
        }
        // A test's own; it ends with the process.
        let leak = |(path, text): (&'static str, String)| (path, &*text.leak());
        made.into_iter().map(leak).collect()
    }

    fn made(&mut self, event: &Event) -> Vec<(&'static str, String)> {
        let (failing, flaky) = match event {
            Event::Failing(n) => (*n, 0),
            Event::Flaky(n) => (0, *n),
            Event::PersonMeanwhile => (10, 0),
            _ => (0, 0),
        };
        let case = |number: usize| match () {
            () if number < failing => format!("t{number} bad\n"),
            () if number < flaky => format!("t{number} flaky\n"),
            () => format!("t{number} good\n"),
        };
        let mode = if let Event::Broken(how) = event {
            how
        } else {
            ":"
        };
        let source = match event {
            Event::CompileError => "error",
            Event::Warning => "warning",
            _ => "fine",
        };
        let (slower, noise) = if let Event::Slower(slower, noise) = event {
            (*slower, *noise)
        } else {
            (0, 1)
        };
        let mean = self.base * (1.0 + f64::from(slower) / 100.0);
        if self.passes(event) {
            self.base = mean;
        }
        let stamp = format!("turn {} of {}\n", self.n_turns, self.random);
        vec![
            ("mode", format!("{mode}\n")),
            ("cases", (0..10).map(case).collect()),
            ("source", format!("{source}\n")),
            ("measured", measured(mean, f64::from(noise) / 100.0)),
            ("stamp", stamp),
        ]
    }

    /// Whether it is a good state afterwards.
    fn passes(&self, event: &Event) -> bool {
        match event {
            Event::Mended | Event::Flaky(_) | Event::Warning => true,
            Event::Slower(..) => !is_bad(event),
            _ => false,
        }
    }

    /// Whether a rule goes back.
    pub(super) fn goes_back(&self, event: &Event) -> bool {
        // The breaker: not a third time to one state, nor a fourth in ten minutes.
        is_bad(event) && self.to_good < 2 && self.in_all < 3
    }

    pub(super) fn happened(&mut self, event: &Event, went: bool) {
        self.to_good += usize::from(went);
        self.in_all += usize::from(went);
        if self.passes(event) {
            self.to_good = 0;
        }
    }

    /// A turn during whose check a person writes in the very file.
    pub(super) fn meanwhile(&self, rig: &Rig, files: &[(&str, &str)]) {
        let open = self.gate.path().join("open");
        std::fs::remove_file(&open).unwrap();
        let mut events = rig.daemon.control();
        events.expect_call(
            "events.subscribe",
            &json!({"workspace": rig.project.root(), "events": ["verify:started", "verify:finished"]}),
        );
        rig.turn_unwaited(files);
        let mut wait = |wanted: &str| loop {
            if events.next_event().unwrap()["params"]["event"] == wanted {
                break;
            }
        };
        wait("verify:started");
        rig.project.write("cases", "t0 good\n");
        std::fs::write(&open, "").unwrap();
        wait("verify:finished");
        let is_said = || rig.json(&["status"])["acted"].is_object();
        aft_testkit::workspace::wait_until(SOON, "what followed is said", is_said);
        assert_eq!(rig.project.text("cases"), "t0 good\n");
    }
}

/// Past the rule's threshold, and certainly.
fn is_bad(event: &Event) -> bool {
    match event {
        Event::Failing(n) => *n > 3,
        Event::CompileError => true,
        Event::Slower(slower, noise) => *slower > 20 && *noise < 5,
        _ => false,
    }
}

fn refer<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect()
}

/// What hyperfine exports of twenty runs.
fn measured(mean: f64, spread: f64) -> String {
    let sides = [spread * mean, -spread * mean];
    let times: Vec<f64> = (0..20).map(|at| mean + sides[at % 2]).collect();
    let result = json!({
        "command": "x", "mean": mean, "stddev": spread * mean, "median": mean,
        "min": mean - spread * mean, "max": mean + spread * mean, "times": times,
    });
    json!({ "results": [result] }).to_string()
}

/// Reads the tree and prints what such a tool prints.
fn script(form: &str) -> String {
    match form {
        "cargo" => concat!(
            "read -r is < source; if [ $is = fine ]; then echo '{\"reason\":\"build-finished\",\"success\":true}'; exit 0; fi; ",
            "echo '{\"reason\":\"compiler-message\",\"message\":{\"level\":\"'$is'\",\"message\":\"it is so\",\"spans\":[]}}'; ",
            "if [ $is = error ]; then echo '{\"reason\":\"build-finished\",\"success\":false}'; exit 101; fi; ",
            "echo '{\"reason\":\"build-finished\",\"success\":true}'",
        )
        .to_owned(),
        "hyperfine" => "cp measured \"$AFT_REPORT\"".to_owned(),
        form => {
            let (begin, good, bad, end) = printed(form);
            let seen = "seen=target/$(cksum < cases | tr -d ' ')";
            format!(
                "{seen}; n=0; bad=0; {begin}; while read -r name is; do n=$((n+1)); \
                 if [ $is = flaky ] && [ ! -e $seen ]; then is=bad; fi; \
                 if [ $is = bad ]; then bad=$((bad+1)); {bad}; else {good}; fi; done < cases; \
                 ok=$((n-bad)); mkdir -p target; : > $seen; {end}; [ $bad = 0 ]"
            )
        }
    }
}

/// What comes first, of a test that passed, of one that failed, and last.
fn printed(form: &str) -> (&'static str, &'static str, &'static str, &'static str) {
    match form {
        "tap" => (
            "echo TAP version 13; echo 1..10",
            "echo \"ok $n - $name\"",
            "echo \"not ok $n - $name\"",
            ":",
        ),
        "junit" => (
            "exec 3> \"$AFT_REPORT\"; echo '<testsuite name=\"s\">' >&3",
            "echo \"<testcase classname='s' name='$name'/>\" >&3",
            "echo \"<testcase classname='s' name='$name'><failure message='no'/></testcase>\" >&3",
            "echo '</testsuite>' >&3",
        ),
        "libtest" => (
            "echo; echo running 10 tests",
            "echo \"test $name ... ok\"",
            "echo \"test $name ... FAILED\"",
            "if [ $bad = 0 ]; then is=ok; else is=FAILED; fi; echo; \
             echo \"test result: $is. $ok passed; $bad failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\"",
        ),
        _ => (
            "echo '============ test session starts ============'",
            "echo \"test_a.py::$name PASSED\"",
            "echo \"test_a.py::$name FAILED\"",
            "echo; if [ $bad = 0 ]; then echo \"====== $ok passed in 0.02s ======\"; \
             else echo \"====== $bad failed, $ok passed in 0.02s ======\"; fi",
        ),
    }
}
