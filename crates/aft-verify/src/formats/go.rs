//! `go test -json`: tests, benchmarks, and packages that could not be built.
//!
//! Does: count a test with subtests as its subtests, unless it failed by itself; take a test that began and never ended for
//! failed; take the compiler's complaints from the error stream, where older versions print them.
//! Does not: read `go test` without `-json`.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::read::Unreadable;
use crate::report::{CaseOutcome, MESSAGE_MAX, Report};

/// Reads both streams.
pub(super) fn read(out: &str, err: &str) -> Result<Report, Unreadable> {
    let mut reader = Reader::default();
    let mut any = false;
    for line in out.lines() {
        if let Some(package) = build_failed(line) {
            any = true;
            reader.broken_package(package);
        } else if line.starts_with('{')
            && let Ok(event) = serde_json::from_str::<Event>(line)
        {
            any = true;
            reader.event(event);
        }
    }
    for line in err.lines() {
        reader.complaint(line);
    }
    let report = reader.finish();
    any |= !report.is_empty();
    any.then_some(report).ok_or(Unreadable::Missing("go test"))
}

/// One line. Field names are Go's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
    #[serde(default)]
    import_path: String,
    elapsed: Option<f64>,
}

/// A test that has begun.
struct Running {
    package: String,
    test: String,
    output: String,
}

/// A test that has ended.
struct Ended {
    running: Running,
    outcome: CaseOutcome,
    seconds: Option<f64>,
}

#[derive(Default)]
struct Reader {
    running: HashMap<String, Running>,
    ended: Vec<Ended>,
    /// Packages that failed as a whole.
    broken: Vec<String>,
    complaints: Report,
    /// The beginning of a benchmark's line, which comes in two.
    bench: String,
    samples: HashMap<String, Vec<f64>>,
    benches: Vec<String>,
}

impl Reader {
    fn event(&mut self, event: Event) {
        let key = format!("{}\n{}", event.package, event.test);
        match event.action.as_str() {
            "run" => {
                let running = Running {
                    package: event.package,
                    test: event.test,
                    output: String::new(),
                };
                self.running.insert(key, running);
            }
            "pass" | "fail" | "skip" if !event.test.is_empty() => {
                let outcome = match event.action.as_str() {
                    "pass" => CaseOutcome::Passed,
                    "fail" => CaseOutcome::Failed,
                    _ => CaseOutcome::Skipped,
                };
                let running = self.running.remove(&key).unwrap_or(Running {
                    package: event.package,
                    test: event.test,
                    output: String::new(),
                });
                self.ended.push(Ended {
                    running,
                    outcome,
                    seconds: event.elapsed,
                });
            }
            "output" if event.test.is_empty() => self.package_output(&event),
            "output" => {
                if let Some(running) = self.running.get_mut(&key)
                    && running.output.len() < MESSAGE_MAX
                    && !event.output.starts_with("=== ")
                {
                    running.output.push_str(&event.output);
                }
            }
            "build-output" => self.complaint(event.output.trim_end()),
            "build-fail" => self.broken_package(&event.import_path),
            _ => {}
        }
    }

    /// What a package printed outside of its tests.
    fn package_output(&mut self, event: &Event) {
        if let Some(package) = build_failed(event.output.trim_end()) {
            self.broken_package(package);
            return;
        }
        if event.output.starts_with("Benchmark") {
            self.bench.clear();
        }
        if event.output.starts_with("Benchmark") || !self.bench.is_empty() {
            if self.bench.len() < MESSAGE_MAX {
                self.bench.push_str(&event.output);
            }
            if event.output.ends_with('\n') {
                let line = std::mem::take(&mut self.bench);
                self.benchmark(&event.package, &line);
            }
        }
    }

    /// `BenchmarkAdd-2   1000   0.7950 ns/op`. The number behind the name is that of the processors.
    fn benchmark(&mut self, package: &str, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(_), Some(nanos), Some("ns/op")) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return;
        };
        let name = match name.rsplit_once('-') {
            Some((name, cores)) if cores.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => name,
        };
        if let Ok(nanos) = nanos.parse::<f64>() {
            let name = format!("{package}.{name}");
            let samples = self.samples.entry(name.clone()).or_default();
            if samples.is_empty() {
                self.benches.push(name);
            }
            samples.push(nanos / 1e9);
        }
    }

    /// `bad/bad_test.go:3:30: undefined: x`.
    fn complaint(&mut self, line: &str) {
        let mut parts = line.splitn(4, ':');
        let (path, number) = (parts.next().unwrap_or_default(), parts.next());
        let (column, message) = (parts.next(), parts.next());
        let (Some(number), Some(_), Some(message)) = (
            number.and_then(|number| number.parse().ok()),
            column.and_then(|column| column.parse::<u32>().ok()),
            message,
        ) else {
            return;
        };
        if path.ends_with(".go") {
            self.complaints
                .diagnostic(Some(path), Some(number), message, true);
        }
    }

    fn broken_package(&mut self, package: &str) {
        // `example.com/sample/bad [example.com/sample/bad.test]` is the package with its tests.
        let package = package.split(' ').next().unwrap_or(package);
        if !self
            .broken
            .iter()
            .rev()
            .take(8)
            .any(|known| known == package)
        {
            self.broken.push(package.to_owned());
        }
    }

    fn finish(mut self) -> Report {
        let mut report = Report::default();
        // Errors are believed where go says that a build failed; a test may print anything.
        if !self.broken.is_empty() {
            report.diagnostics = self.complaints.diagnostics;
        }
        for package in &self.broken {
            if report.diagnostics.is_empty() {
                report.diagnostic(Some(package), None, "the package could not be built", true);
            }
            report.case(&format!("{package} (build)"), CaseOutcome::Failed);
        }
        let mut left: Vec<Running> = self.running.into_values().collect();
        left.sort_by(|one, other| (&one.package, &one.test).cmp(&(&other.package, &other.test)));
        self.ended.extend(left.into_iter().map(|running| Ended {
            running,
            outcome: CaseOutcome::Failed,
            seconds: None,
        }));
        add_tests(&self.ended, &mut report);
        for name in &self.benches {
            let samples = self.samples.get(name).map_or(&[][..], Vec::as_slice);
            let (mean, deviation) = super::spread(samples);
            let count = u32::try_from(samples.len()).unwrap_or(u32::MAX);
            report.timing(name, mean, deviation, count);
        }
        report
    }
}

/// Adds the tests that have no subtests, and those that failed though none of theirs did.
fn add_tests(ended: &[Ended], report: &mut Report) {
    let mut parents: HashSet<(&str, &str)> = HashSet::new();
    let mut with_failed: HashSet<(&str, &str)> = HashSet::new();
    for Ended {
        running, outcome, ..
    } in ended
    {
        // One level up is enough: a subtest's parent is itself in the list.
        if let Some((parent, _)) = running.test.rsplit_once('/') {
            parents.insert((&running.package, parent));
            if *outcome == CaseOutcome::Failed {
                with_failed.insert((&running.package, parent));
            }
        }
    }
    for one in ended {
        let key = (one.running.package.as_str(), one.running.test.as_str());
        let by_itself = one.outcome == CaseOutcome::Failed && !with_failed.contains(&key);
        if parents.contains(&key) && !by_itself {
            continue;
        }
        let name = format!("{}.{}", key.0, key.1);
        let message = (one.outcome == CaseOutcome::Failed).then_some(one.running.output.as_str());
        report.case_with(&name, one.outcome, message, one.seconds);
    }
}

/// `FAIL example.com/sample/bad [build failed]`, with a tab between.
fn build_failed(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("FAIL\t")?;
    rest.strip_suffix(" [build failed]")
        .or_else(|| rest.strip_suffix(" [setup failed]"))
}
