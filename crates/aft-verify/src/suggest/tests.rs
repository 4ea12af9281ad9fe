//! Proposals for roots as projects have them.

use super::*;

/// What is proposed, a line each: `name: command | format, rule`.
fn lines(names: &[&str], files: &[(&str, &str)]) -> Vec<String> {
    let mut read = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    let found = suggest(names, &mut read);
    let line = |one: &Suggestion| {
        let run = match &one.run {
            Run::Words(words) => words.join(" "),
            Run::Shell(line) => format!("sh: {line}"),
        };
        let place = if one.in_workspace { ", workspace" } else { "" };
        let (name, parse, rule) = (&one.name, one.parse, one.rule);
        format!("{name}: {run} | {parse}, {rule}{place}")
    };
    found.iter().map(line).collect()
}

#[test]
fn rust_projects_are_built_tested_and_measured() {
    assert_eq!(
        lines(&["Cargo.toml", "Cargo.lock", "src"], &[]),
        [
            "build: cargo check --workspace --all-targets --message-format=json | cargo, compile-error",
            "tests: cargo test --workspace --no-fail-fast --message-format=json | cargo, failure-rate",
        ]
    );
    let more = lines(
        &["Cargo.toml", "benches"],
        &[
            (".config/nextest.toml", "[profile.default]"),
            ("Cargo.toml", "criterion = \"0.8\""),
        ],
    );
    assert_eq!(
        more.get(1..).unwrap(),
        [
            "tests: cargo nextest run --workspace --no-fail-fast | nextest, failure-rate",
            "benchmarks: cargo bench | criterion, slower",
        ]
    );
}

#[test]
fn a_package_json_is_read_for_its_runner() {
    let of = |manifest: &str, more: &[&str]| {
        let names: Vec<&str> = ["package.json"].iter().chain(more).copied().collect();
        lines(&names, &[("package.json", manifest)])
    };
    assert_eq!(
        of(r#"{"scripts":{"test":"node --test"}}"#, &[]),
        ["tests: node --test --test-reporter=tap | tap, failure-rate"]
    );
    assert_eq!(
        of(
            r#"{"scripts":{"test":"vitest"},"devDependencies":{"vitest":"3"}}"#,
            &["tsconfig.json"]
        ),
        [
            "tests: npx vitest run --reporter=junit --outputFile=$AFT_REPORT | junit, failure-rate, workspace",
            "types: npx tsc --noEmit | exit, exit, workspace",
        ]
    );
    assert_eq!(
        of(r#"{"scripts":{"test":"./run"}}"#, &["pnpm-lock.yaml"]),
        ["tests: pnpm test | exit, exit"]
    );
    let placeholder = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
    assert!(of(placeholder, &[]).is_empty());
    assert!(of("not json", &[]).is_empty());
}

#[test]
fn python_runs_by_the_tool_that_locked_it() {
    assert_eq!(
        lines(
            &["pyproject.toml", "uv.lock"],
            &[("pyproject.toml", "[tool.pytest.ini_options]")]
        ),
        ["tests: uv run pytest -q --junitxml=$AFT_REPORT | pytest, failure-rate"]
    );
    assert_eq!(
        lines(&["setup.py", "tests", ".venv"], &[]),
        [
            "tests: .venv/bin/python -m pytest -q --junitxml=$AFT_REPORT | pytest, failure-rate, workspace"
        ]
    );
    assert!(lines(&["script.py"], &[]).is_empty());
}

#[test]
fn other_kinds_are_known_and_a_makefile_comes_last() {
    assert_eq!(lines(&["go.mod"], &[]).len(), 2);
    assert_eq!(
        lines(&["pom.xml", "mvnw"], &[]),
        ["tests: ./mvnw -q -B test | exit, exit"]
    );
    let make = [("Makefile", "TEST := 1\ntest := 2\ncheck: all\n\t./run\n")];
    assert_eq!(
        lines(&["Makefile"], &make),
        ["tests: make check | exit, exit"]
    );
    let both = lines(&["Makefile", "mix.exs"], &make);
    assert_eq!(both, ["tests: mix test | exit, exit"]);
    assert!(lines(&["README.md"], &[]).is_empty());
}

#[test]
fn two_kinds_in_one_root_have_names_of_their_own() {
    let names: Vec<String> = suggest(&["Cargo.toml", "go.mod"], &mut |_| None)
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["build", "tests", "build-2", "tests-2"]);
}

#[test]
fn what_is_written_is_toml_that_says_the_same() {
    let all = [
        "Cargo.toml",
        "package.json",
        "go.mod",
        "pytest.ini",
        "pom.xml",
        "CMakeLists.txt",
    ];
    let manifest = r#"{"scripts":{"test":"jest"},"devDependencies":{"jest-junit":"1"}}"#;
    let suggestions = suggest(&all, &mut |path| {
        (path == "package.json").then(|| manifest.to_owned())
    });
    assert!(suggestions.len() >= 8, "{suggestions:?}");
    let text = to_toml(&suggestions);
    let table: toml::Table = toml::from_str(&text).unwrap();
    let checks = table.get("verify").unwrap().as_array().unwrap();
    assert_eq!(checks.len(), suggestions.len());
    for (check, one) in checks.iter().zip(&suggestions) {
        let get = |key: &str| check.get(key).and_then(|value| value.as_str());
        assert_eq!(get("name"), Some(one.name.as_str()));
        assert_eq!(get("parse"), Some(one.parse));
        assert!(
            crate::Format::named(one.parse, None).is_some(),
            "{}",
            one.parse
        );
        assert!(crate::Rule::named(one.rule).is_some(), "{}", one.rule);
        assert_eq!(get("action"), Some("suggest"));
        match &one.run {
            Run::Shell(line) => assert_eq!(get("run"), Some(line.as_str())),
            Run::Words(words) => {
                let run = check.get("run").unwrap().as_array().unwrap();
                let run: Vec<&str> = run.iter().filter_map(|word| word.as_str()).collect();
                assert_eq!(&run, words);
            }
        }
    }
}
