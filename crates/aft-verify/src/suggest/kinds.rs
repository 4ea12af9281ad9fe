//! The kinds of project that are known by their files.
//!
//! Does: look at the root's names, and into manifests where a name alone does not tell.
//! Does not: look deeper than the root, save for the one or two paths it names.

use super::{Run, Suggestion};

/// Tests that build first need longer than the usual minute.
const WITH_BUILD: &str = "10m";

/// A project's root, and what was found in it.
pub(super) struct Project<'a> {
    names: &'a [&'a str],
    read: &'a mut dyn FnMut(&str) -> Option<String>,
    pub(super) found: Vec<Suggestion>,
}

/// A command of words.
fn words(line: &str) -> Run {
    Run::Words(line.split(' ').map(ToOwned::to_owned).collect())
}

/// A check whose tests are counted.
fn tests(why: &str, run: Run, parse: &'static str) -> Suggestion {
    Suggestion {
        name: "tests".to_owned(),
        run,
        parse,
        rule: "failure-rate",
        on: "turn-end",
        in_workspace: false,
        timeout: None,
        why: why.to_owned(),
    }
}

/// A check that only says yes or no.
fn plain(name: &str, why: &str, run: Run) -> Suggestion {
    Suggestion {
        name: name.to_owned(),
        rule: "exit",
        ..tests(why, run, "exit")
    }
}

/// A check of what a compiler says.
fn build(why: &str, run: Run, parse: &'static str) -> Suggestion {
    Suggestion {
        name: "build".to_owned(),
        rule: "compile-error",
        timeout: Some(WITH_BUILD),
        ..tests(why, run, parse)
    }
}

impl Suggestion {
    fn slow(mut self) -> Self {
        self.timeout = Some(WITH_BUILD);
        self
    }

    fn beside(mut self, needs_ignored: bool) -> Self {
        self.in_workspace = needs_ignored;
        self
    }
}

impl<'a> Project<'a> {
    pub(super) fn new(
        names: &'a [&'a str],
        read: &'a mut dyn FnMut(&str) -> Option<String>,
    ) -> Self {
        Self {
            names,
            read,
            found: Vec::new(),
        }
    }

    /// Looks for every kind.
    pub(super) fn all(&mut self) {
        self.cargo();
        self.node();
        self.python();
        self.go();
        self.java();
        self.others();
        // A makefile usually calls one of the above.
        if self.found.is_empty() {
            self.make();
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    fn has_ending(&self, ending: &str) -> bool {
        self.names.iter().any(|name| name.ends_with(ending))
    }

    fn text(&mut self, path: &str) -> String {
        (self.read)(path).unwrap_or_default()
    }

    fn cargo(&mut self) {
        if !self.has("Cargo.toml") {
            return;
        }
        let check = words("cargo check --workspace --all-targets --message-format=json");
        self.found
            .push(build("Cargo.toml: a Rust project", check, "cargo"));
        let nextest = !self.text(".config/nextest.toml").is_empty();
        let test = if nextest {
            let run = words("cargo nextest run --workspace --no-fail-fast");
            tests(".config/nextest.toml: tests by nextest", run, "nextest")
        } else {
            let run = words("cargo test --workspace --no-fail-fast --message-format=json");
            tests("Cargo.toml: a Rust project", run, "cargo")
        };
        self.found.push(test.slow());
        if self.has("benches") && self.text("Cargo.toml").contains("criterion") {
            self.found.push(Suggestion {
                name: "benchmarks".to_owned(),
                rule: "slower",
                on: "manual",
                ..tests(
                    "benches/: benchmarks by Criterion",
                    words("cargo bench"),
                    "criterion",
                )
                .slow()
            });
        }
    }

    fn node(&mut self) {
        if self.has("deno.json") || self.has("deno.jsonc") {
            let run = words("deno test --junit-path=$AFT_REPORT");
            self.found
                .push(tests("deno.json: a Deno project", run, "junit"));
        }
        if !self.has("package.json") {
            return;
        }
        let manifest = self.text("package.json");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
        let depends = |name: &str| {
            ["dependencies", "devDependencies"].iter().any(|table| {
                manifest
                    .get(table)
                    .is_some_and(|all| all.get(name).is_some())
            })
        };
        let any = |table: &str| {
            let all = manifest.get(table).and_then(|all| all.as_object());
            all.is_some_and(|all| !all.is_empty())
        };
        // `node_modules` is what git ignores and a scratch copy does not have.
        let needs = any("dependencies") || any("devDependencies");
        let script = manifest.get("scripts").and_then(|all| all.get("test"));
        let script = script.and_then(|test| test.as_str()).unwrap_or_default();
        if let Some(test) = self.node_tests(script, &depends) {
            self.found.push(test.beside(needs));
        }
        if self.has("tsconfig.json") {
            let run = words("npx tsc --noEmit");
            let types = plain("types", "tsconfig.json: TypeScript", run);
            self.found.push(types.beside(needs));
        }
    }

    /// The tests a `package.json` names, by the runner its script calls.
    fn node_tests(&self, script: &str, depends: &dyn Fn(&str) -> bool) -> Option<Suggestion> {
        const WHY: &str = "package.json: the script `test`";
        if script.is_empty() || script.contains("no test specified") {
            return None;
        }
        Some(if script.contains("node --test") {
            tests(WHY, words("node --test --test-reporter=tap"), "tap")
        } else if script.contains("vitest") {
            let run = words("npx vitest run --reporter=junit --outputFile=$AFT_REPORT");
            tests(WHY, run, "junit")
        } else if script.contains("mocha") {
            tests(WHY, words("npx mocha --reporter tap"), "tap")
        } else if script.contains("jest") && depends("jest-junit") {
            let line =
                "JEST_JUNIT_OUTPUT_FILE=\"$AFT_REPORT\" npx jest --ci --reporters=jest-junit";
            tests(WHY, Run::Shell(line.to_owned()), "junit")
        } else {
            let runner = [
                ("pnpm-lock.yaml", "pnpm test"),
                ("yarn.lock", "yarn test"),
                ("bun.lock", "bun run test"),
                ("bun.lockb", "bun run test"),
            ];
            let found = runner.iter().find(|(lock, _)| self.has(lock));
            plain(
                "tests",
                WHY,
                words(found.map_or("npm test", |(_, run)| run)),
            )
        })
    }

    fn python(&mut self) {
        let pyproject = self.text("pyproject.toml");
        let is_python = self.has("pyproject.toml") || self.has("setup.py") || self.has("setup.cfg");
        let why = if self.has("pytest.ini") {
            "pytest.ini: tests by pytest"
        } else if pyproject.contains("[tool.pytest") || pyproject.contains("pytest") {
            "pyproject.toml: tests by pytest"
        } else if self.text("tox.ini").contains("pytest") {
            "tox.ini: tests by pytest"
        } else if self.has("conftest.py") || is_python && (self.has("tests") || self.has("test")) {
            "a Python project with tests"
        } else {
            return;
        };
        let runner = [
            ("uv.lock", "uv run pytest"),
            ("poetry.lock", "poetry run pytest"),
            ("pdm.lock", "pdm run pytest"),
            ("Pipfile.lock", "pipenv run pytest"),
            (".venv", ".venv/bin/python -m pytest"),
            ("venv", "venv/bin/python -m pytest"),
        ];
        let found = runner.iter().find(|(name, _)| self.has(name));
        let run = found.map_or("python3 -m pytest", |(_, run)| run);
        let run = words(&format!("{run} -q --junitxml=$AFT_REPORT"));
        let inside = self.has(".venv") || self.has("venv");
        self.found.push(tests(why, run, "pytest").beside(inside));
    }

    fn go(&mut self) {
        if !self.has("go.mod") && !self.has("go.work") {
            return;
        }
        let why = "go.mod: a Go project";
        let compiled = words("go test -json -run=^$ ./...");
        self.found.push(build(why, compiled, "go"));
        let run = words("go test -json ./...");
        self.found.push(tests(why, run, "go").slow());
    }

    fn java(&mut self) {
        let wrapped = |wrapper: &str, plain: &str, rest: &str| {
            let command = if self.has(wrapper) {
                format!("./{wrapper}")
            } else {
                plain.to_owned()
            };
            words(&format!("{command} {rest}"))
        };
        let mut found = Vec::new();
        if self.has("pom.xml") {
            let run = wrapped("mvnw", "mvn", "-q -B test");
            found.push(plain("tests", "pom.xml: a Maven project", run).slow());
        }
        let scripts = ["build.gradle", "build.gradle.kts", "settings.gradle.kts"];
        if scripts.iter().any(|name| self.has(name)) {
            let run = wrapped("gradlew", "gradle", "--console=plain test");
            found.push(plain("tests", "build.gradle: a Gradle project", run).slow());
        }
        self.found.append(&mut found);
    }

    fn others(&mut self) {
        if self.has("Gemfile") && (self.has("spec") || self.has(".rspec")) {
            let run = words("bundle exec rspec");
            self.found
                .push(plain("tests", "Gemfile and spec/: RSpec", run));
        } else if self.has("Rakefile") {
            self.found
                .push(plain("tests", "Rakefile: Ruby", words("rake test")));
        }
        if self.has("phpunit.xml") || self.has("phpunit.xml.dist") {
            let run = words("vendor/bin/phpunit --log-junit $AFT_REPORT");
            let vendored = tests("phpunit.xml: PHPUnit", run, "junit").beside(true);
            self.found.push(vendored);
        }
        if self.has_ending(".sln") || self.has_ending(".csproj") || self.has_ending(".fsproj") {
            let run = words("dotnet test");
            self.found
                .push(plain("tests", "a .NET project", run).slow());
        }
        if self.has("mix.exs") {
            self.found
                .push(plain("tests", "mix.exs: Elixir", words("mix test")).slow());
        }
        if self.has("CMakeLists.txt") {
            let line = "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-junit \"$AFT_REPORT\"";
            let run = Run::Shell(line.to_owned());
            self.found
                .push(tests("CMakeLists.txt: CMake and CTest", run, "junit").slow());
        }
    }

    fn make(&mut self) {
        let Some(name) = ["GNUmakefile", "makefile", "Makefile", "justfile"]
            .into_iter()
            .find(|name| self.has(name))
        else {
            return;
        };
        let text = self.text(name);
        let program = if name == "justfile" { "just" } else { "make" };
        let has = |target: &str| {
            let begins = |line: &str| line.strip_prefix(target).is_some_and(is_rule);
            text.lines().any(begins)
        };
        if let Some(target) = ["test", "check"].into_iter().find(|target| has(target)) {
            let why = format!("{name}: the target `{target}`");
            let run = words(&format!("{program} {target}"));
            self.found.push(plain("tests", &why, run).slow());
        }
    }
}

/// What follows a target's name in its rule: `:`, but not `:=`.
fn is_rule(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with(':') && !rest.starts_with(":=")
}
