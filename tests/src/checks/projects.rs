//! Small real projects in Rust, Python and JavaScript that a scripted agent breaks and mends: what goes back by itself,
//! and what stays.

use serde_json::Value;

use super::agent::{Rig, words};

/// A check with what is common to all here.
fn check(run: &str, more: &str) -> String {
    format!(
        "[[verify]]\nname = \"tests\"\nrun = {run}\naction = \"rollback\"\ntimeout = \"120s\"\n{more}\n"
    )
}

/// Ten tests of which some fail, for node's runner.
fn node_tests(failing: usize) -> String {
    let mut text =
        "const test = require('node:test');\nconst assert = require('node:assert');\n".to_owned();
    for number in 0..10 {
        let is = if number < failing { 2 } else { 1 };
        text.push_str(&format!(
            "test('case {number}', () => assert.equal({is}, 1));\n"
        ));
    }
    text
}

/// A turn that must be taken back: the file is as it was in the last good state, the attempt has a name, and the
/// operation says why.
#[track_caller]
fn is_taken_back(rig: &Rig, file: (&str, &str), good: &str) {
    let end = rig.turn(&[file]);
    let newest = rig.newest();
    assert!(rig.went_back(), "{newest:#}\n{end:#}");
    assert_eq!(rig.project.text(file.0), good, "{newest:#}");
    let note = newest["note"].as_str().unwrap();
    assert!(note.starts_with("tests: "), "{note}");
    assert_eq!(end["acted"]["kind"], "rolled_back", "{end:#}");
    let attempt = rig.named("failed-");
    let report = &attempt[0]["metadata"]["report"];
    assert_eq!(report["operation"], newest["operation"], "{attempt:#?}");
}

/// A turn that must stay.
#[track_caller]
fn stays(rig: &Rig, files: &[(&str, &str)]) -> Value {
    let end = rig.turn(files);
    assert!(!rig.went_back(), "{end:#}");
    for (path, text) in files {
        assert_eq!(rig.project.text(path), *text, "{path}");
    }
    end
}

#[test]
fn in_javascript_four_of_ten_go_back_one_of_ten_and_a_flaky_test_stay() {
    let run = words(&["node", "--test", "--test-reporter=tap"]);
    let rig = Rig::new(&check(&run, "parse = \"tap\""), &[("package.json", "{}\n")]);
    stays(&rig, &[("a.test.js", &node_tests(0))]);
    is_taken_back(&rig, ("a.test.js", &node_tests(4)), &node_tests(0));
    stays(&rig, &[("a.test.js", &node_tests(1))]);
    // It fails the first time it is run on a state, and not the second.
    let flaky = "const fs = require('node:fs');\nconst seen = fs.existsSync('target/seen');\n\
        fs.mkdirSync('target', { recursive: true });\nfs.writeFileSync('target/seen', '');\n\
        require('node:test')('x', () => { if (!seen) throw new Error('once'); });\n";
    stays(
        &rig,
        &[("a.test.js", &node_tests(0)), ("flaky.test.js", flaky)],
    );
    is_taken_back(
        &rig,
        ("a.test.js", "this is not JavaScript (\n"),
        &node_tests(0),
    );
}

#[test]
fn in_rust_a_compile_error_goes_back_and_a_warning_stays() {
    let run = words(&["cargo", "check", "--offline", "--message-format=json"]);
    let more = "parse = \"cargo\"\nrule = \"compile-error\"";
    let manifest =
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    let good = "pub fn one() -> u8 {\n    1\n}\n";
    let rig = Rig::new(
        &check(&run, more),
        &[("Cargo.toml", manifest), ("src/lib.rs", "")],
    );
    stays(&rig, &[("src/lib.rs", good)]);
    let warned = format!("{good}fn unused() {{}}\n");
    stays(&rig, &[("src/lib.rs", &warned)]);
    is_taken_back(
        &rig,
        ("src/lib.rs", "pub fn one() -> u8 {\n    \"one\"\n}\n"),
        &warned,
    );
    // What the agent makes of it the second time stays.
    stays(&rig, &[("src/lib.rs", "pub fn one() -> u8 {\n    2\n}\n")]);
}

/// Runs the tests beneath the current directory with `unittest` and writes JUnit XML: what `pytest --junitxml` does, where
/// there is none.
const PYTHON: &str = r#"
import os, sys, unittest
from xml.sax.saxutils import quoteattr
sys.dont_write_bytecode = True
class Result(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.passed = []
    def addSuccess(self, test):
        self.passed.append(test)
done = unittest.TextTestRunner(resultclass=Result).run(unittest.defaultTestLoader.discover("."))
bad = [test for test, _ in done.failures + done.errors]
with open(os.environ["AFT_REPORT"], "w") as out:
    out.write("<testsuite name='unittest'>")
    for test in done.passed + bad:
        inner = "<failure message='failed'/>" if test in bad else ""
        out.write("<testcase name=%s>%s</testcase>" % (quoteattr(str(test)), inner))
    out.write("</testsuite>")
sys.exit(1 if bad else 0)
"#;

fn python_tests(failing: usize) -> String {
    let mut text = "import unittest\nclass Cases(unittest.TestCase):\n".to_owned();
    for number in 0..10 {
        let is = if number < failing { 2 } else { 1 };
        text.push_str(&format!(
            "    def test_{number}(self):\n        self.assertEqual({is}, 1)\n"
        ));
    }
    text
}

#[test]
fn in_python_four_of_ten_go_back_and_one_of_ten_stays() {
    // A shim of a version manager finds nothing in another home.
    let python = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let python = String::from_utf8(python.expect("python3").stdout).unwrap();
    let run = words(&[python.trim(), "-c", PYTHON]);
    let rig = Rig::new(&check(&run, "parse = \"junit\""), &[("README", "x\n")]);
    stays(&rig, &[("test_a.py", &python_tests(0))]);
    stays(&rig, &[("test_a.py", &python_tests(1))]);
    is_taken_back(&rig, ("test_a.py", &python_tests(4)), &python_tests(0));
}

/// The same with pytest itself, where it can be had: `AFT_HEAVY=1`.
#[test]
fn in_python_with_pytest_itself_four_of_ten_go_back_and_one_of_ten_stays() {
    if std::env::var_os("AFT_HEAVY").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let run = |program: &std::path::Path, arguments: &[&str]| {
        let done = std::process::Command::new(program).args(arguments).output();
        done.is_ok_and(|done| done.status.success())
    };
    let venv = home.path().join("venv");
    let made = run("python3".as_ref(), &["-m", "venv", venv.to_str().unwrap()])
        && run(&venv.join("bin/pip"), &["install", "--quiet", "pytest"]);
    if !made {
        println!("pytest cannot be installed here; `unittest` stands for it");
        return;
    }
    let pytest = venv.join("bin/pytest");
    let command = words(&[pytest.to_str().unwrap(), "-q", "-p", "no:cacheprovider"]);
    let rig = Rig::new(&check(&command, "parse = \"pytest\""), &[("README", "x\n")]);
    stays(&rig, &[("test_a.py", &python_tests(0))]);
    stays(&rig, &[("test_a.py", &python_tests(1))]);
    is_taken_back(&rig, ("test_a.py", &python_tests(4)), &python_tests(0));
}

#[test]
fn thirty_percent_slower_goes_back_ten_percent_and_noise_stay() {
    let run = words(&["sh", "-c", "cp measured.json \"$AFT_REPORT\""]);
    let more = "parse = \"hyperfine\"\nrule = \"slower\"";
    let rig = Rig::new(&check(&run, more), &[("README", "x\n")]);
    let measured = |mean: f64, spread: f64| {
        let times: Vec<f64> = (0..20)
            .map(|at| mean + spread * if at % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        let result = serde_json::json!({
            "command": "x", "mean": mean, "stddev": spread, "median": mean,
            "min": mean - spread, "max": mean + spread, "times": times,
        });
        serde_json::json!({ "results": [result] }).to_string()
    };
    stays(&rig, &[("measured.json", &measured(1.0, 0.02))]);
    is_taken_back(
        &rig,
        ("measured.json", &measured(1.3, 0.02)),
        &measured(1.0, 0.02),
    );
    stays(&rig, &[("measured.json", &measured(1.1, 0.02))]);
    // As slow as that on the average, and it may as well be chance.
    stays(&rig, &[("measured.json", &measured(1.43, 1.0))]);
}

#[test]
fn a_check_that_breaks_never_takes_anything_back() {
    let run = words(&["sh", "-c", "eval \"$(cat mode)\""]);
    let more = "rule = \"exit\"";
    let config = check(&run, more).replace("120s", "2s");
    let rig = Rig::new(&config, &[("README", "x\n")]);
    stays(&rig, &[("mode", "exit 0")]);
    for broken in [
        "exit 125",
        "exit 127",
        "exit 126",
        "kill -SEGV $$",
        "kill -KILL $$",
        "sleep 600",
        "sleep 600 & setsid sleep 600 & exit 125",
        "head -c 30000000 /dev/zero; exit 125",
        "no-such-command-at-all",
    ] {
        stays(&rig, &[("mode", broken)]);
    }
    // The same rig goes back where there is a reason.
    is_taken_back(&rig, ("mode", "exit 1"), "exit 0");
}
