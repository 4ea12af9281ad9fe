//! Every example of every help page, run as it stands there.
//!
//! Does: read the pages from the binary, make what an example takes for granted (a checkpoint of that name, an
//! open turn, a check that fails), run the lines with a shell, and hold their exit codes against what is said.
//! Does not: look at what they print; each command has tests of its own for that.

use std::collections::BTreeMap;
use std::process::Command;

use aft_testkit::Workspace;

use super::rig::Rig;

/// Lines that go on until somebody ends them, or that take the daemon away from the test; and other programs' lines.
const NOT_RUN: &[&str] = &[
    "aft watch",
    "aft events --follow --json",
    "aft events --follow --event snapshot:rollback --all",
    "aft daemon run",
    "aft daemon stop",
    "claude mcp add afterimage -- aft mcp",
    "gemini mcp add afterimage aft mcp",
    "codex mcp add afterimage -- aft mcp",
];

/// Lines that cannot come to anything here, with what they end with.
const ENDS_WITH: &[(&str, i32)] = &[
    // Nothing was cut short.
    ("aft rollback --resume", 4),
    // It asks, and there is no terminal.
    ("aft purge secrets/.env", 2),
];

/// Words that a history of a moment cannot know, and what stands for them.
const STANDS_FOR: &[(&str, &str)] = &[
    ("10m", "@-1"),
    (" 1h", " @-1"),
    ("--since 2h --kind", "--since @-1 --kind"),
    ("--good 2h", "--good good"),
    ("make check", "sh -c '! grep -q broken src/a.txt'"),
    ("142", "\"$NEWEST\""),
    ("120", "\"$BEFORE\""),
    ("1f0c9a7be2d35468", "\"$HUNK\""),
];

/// Pages whose lines are alternatives: each has a workspace of its own.
const ALTERNATIVES: &[&str] = &["", "undo", "rollback"];

/// What an example takes for granted: where a line has `needs` and none has `has`, this goes before.
const TAKEN_FOR_GRANTED: &[(&str, &str, &str)] = &[
    (
        "before-refactor",
        "checkpoint before-refactor|checkpoint create before-refactor",
        "aft checkpoint before-refactor",
    ),
    (
        "v1",
        "milestone create v1",
        "aft milestone create v1 --wait",
    ),
    (
        "import v1.aftm",
        "milestone export v1",
        "aft milestone export v1 v1.aftm",
    ),
    (
        "$S",
        "S=$(",
        "S=$(aft session start --agent nightly); ./step.sh; aft sync",
    ),
    ("turn end", "turn start", "aft turn start"),
    (
        "undo --turn|turn:-1",
        "turn start",
        "aft turn start; ./step.sh; aft turn end",
    ),
    ("aft redo", "aft undo", "aft undo; aft undo; aft undo"),
    (
        "verify|good|trust|bisect",
        "",
        "aft trust --yes; aft verify",
    ),
    ("bisect", "", "echo broken >> src/a.txt; aft sync"),
    ("purge secrets --yes", "", "rm -r secrets; aft sync"),
    (
        "~/.local/share/bash-completion",
        "",
        "mkdir -p ~/.local/share/bash-completion/completions",
    ),
    (
        "watch ~/project",
        "",
        "mkdir -p ~/project; aft watch ~/project --detach",
    ),
];

const PROJECT: &str = "//- /src/main.rs\nfn main() {}\n//- /src/a.txt\na\n//- /docs/x.md\nx\n//- /secrets/.env\nK=2\n//- /.env\nK=1\n//- /step.sh mode=755\necho step >> docs/x.md\n//- /fix-everything.sh mode=755\necho fixed >> src/a.txt\n//- /.afterimage.toml\n[[verify]]\nname = \"tests\"\nrun = \"! grep -q broken src/a.txt\"\non = [\"manual\"]\n";

/// Programs of the examples that may not be on this machine.
const TOOLS: &str =
    "//- /make mode=755\n#!/bin/sh\n! grep -q broken src/a.txt\n//- /jq mode=755\n#!/bin/sh\ncat\n";

/// The examples of a page and of those beneath it, by the words of the command.
fn pages(rig: &Rig, words: &[&str], found: &mut BTreeMap<String, Vec<String>>) {
    let arguments: Vec<&str> = words.iter().copied().chain(["--help"]).collect();
    let page = rig.ok(&arguments);
    let beneath = |title: &str| {
        let lines = page.lines().skip_while(|line| !line.starts_with(title));
        let lines = lines.skip(1).take_while(|line| line.starts_with("  "));
        lines.map(|line| line[2..].to_owned()).collect::<Vec<_>>()
    };
    let examples = beneath("Example");
    if !examples.is_empty() {
        // What follows in a column of its own explains the line.
        let lines = examples.iter().map(|line| {
            let line = line
                .split_once("   ")
                .map_or(line.as_str(), |(line, _)| line);
            line.trim_end().to_owned()
        });
        found.insert(words.join(" "), lines.collect());
    }
    for line in beneath("Commands:") {
        let word = line.split(' ').next().unwrap_or_default();
        if !word.is_empty() && word != "help" {
            let words: Vec<&str> = words.iter().copied().chain([word]).collect();
            pages(rig, &words, found);
        }
    }
}

/// The lines as a script that tells the exit code of each on descriptor 3.
fn script(lines: &[&String]) -> String {
    let all = lines
        .iter()
        .map(|line| line.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let has = |words: &str| words.split('|').any(|word| all.contains(word));
    let mut script = String::new();
    for (needs, made_by, before) in TAKEN_FOR_GRANTED {
        if has(needs) && (made_by.is_empty() || !has(made_by)) {
            script.push_str(&format!("{{ {before}; }} >&2\n"));
        }
    }
    script.push_str(
        "NEWEST=$(aft log -n 1 --kind observed --json | tr ',' '\\n' | sed -n 's/.*\"operation\": *\\([0-9]*\\).*/\\1/p' | head -n 1)\n\
         BEFORE=$((NEWEST - 1))\n\
         HUNK=$(aft show \"$NEWEST\" --hunks --json | tr ',{' '\\n\\n' | sed -n 's/.*\"hunk\": *\"\\([0-9a-f]*\\)\".*/\\1/p' | head -n 1)\n",
    );
    for (number, line) in lines.iter().enumerate() {
        let mut line = line.to_string();
        for (word, stands) in STANDS_FOR {
            line = line.replace(word, stands);
        }
        script.push_str(&format!("{line}\necho \"{number} $?\" >&3\n"));
    }
    script
}

/// Runs the lines in a workspace of their own; which of them ended otherwise than they should.
fn run(rig: &Rig, tools: &Workspace, lines: &[&String]) -> Vec<String> {
    let project = Workspace::from_fixture(PROJECT);
    project.git_init();
    rig.daemon.aft_ok(project.root(), &["watch", "--detach"]);
    for n in 0..3 {
        project.write("src/main.rs", format!("fn main() {{ {n} }}\n"));
        rig.daemon.aft_ok(project.root(), &["sync"]);
    }
    let codes = project.outside().join("codes");
    let aft = rig.daemon.command(&[]);
    let mut shell = Command::new("timeout");
    shell
        .args([
            "100",
            "sh",
            "-c",
            &format!("exec 3>\"$CODES\"\n{}", script(lines)),
        ])
        .env_clear()
        .envs(
            aft.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("CODES", &codes)
        .env("HOME", project.home())
        .env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", tools.root().display()),
        )
        .current_dir(project.root())
        .stdin(std::process::Stdio::null());
    let output = shell.output().expect("a shell runs");
    let codes = std::fs::read_to_string(codes).unwrap_or_default();
    let ended: BTreeMap<usize, i32> = codes
        .lines()
        .filter_map(|line| {
            let (number, code) = line.split_once(' ')?;
            Some((number.parse().ok()?, code.parse().ok()?))
        })
        .collect();
    let mut wrong = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let expected = ENDS_WITH.iter().find(|(one, _)| one == line);
        let expected = expected.map_or(0, |(_, code)| *code);
        let code = ended.get(&number).copied();
        if code != Some(expected) {
            wrong.push(format!("`{line}` ended with {code:?}, not {expected}"));
        }
    }
    if !wrong.is_empty() {
        wrong.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    rig.daemon
        .aft_ok(project.root(), &["unwatch", "--purge", "--yes"]);
    wrong
}

#[test]
fn every_example_of_every_help_page_does_what_its_page_says() {
    let rig = Rig::new();
    let tools = Workspace::from_fixture(TOOLS);
    tools.symlink(
        "aft",
        aft_testkit::daemon::binary().as_os_str().as_encoded_bytes(),
    );
    let mut all = BTreeMap::new();
    pages(&rig, &[], &mut all);
    assert!(all.len() > 40, "the help pages were not found: {all:?}");
    let mut jobs: Vec<(&String, Vec<&String>)> = Vec::new();
    for (page, lines) in &all {
        let lines = lines.iter();
        let lines: Vec<&String> = lines
            .filter(|line| !NOT_RUN.contains(&line.as_str()))
            .collect();
        if ALTERNATIVES.contains(&page.as_str()) {
            jobs.extend(lines.into_iter().map(|line| (page, vec![line])));
        } else if !lines.is_empty() {
            jobs.push((page, lines));
        }
    }
    let mut wrong = Vec::new();
    // One after the other: some commands are about every workspace, also one that another example is closing.
    for (page, lines) in jobs {
        let found = run(&rig, &tools, &lines);
        if !found.is_empty() {
            wrong.push(format!("aft {page} --help:\n{}", found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
