//! Tests of the module beside this file: config.

use std::time::Duration;

use super::*;

fn source(file: &str, text: &str) -> Source {
    Source {
        file: file.to_owned(),
        text: text.to_owned(),
    }
}

fn user(text: &str) -> Result<Config, ConfigError> {
    Config::from_sources(Some(&source("config.toml", text)), None)
}

fn refusal(text: &str) -> String {
    user(text).expect_err("the text is wrong").to_string()
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    assert_eq!(
        toml::from_str::<Config>(DEFAULT_TOML).expect("default.toml is valid"),
        Config::default()
    );
    assert_eq!(
        Config::from_sources(None, None).expect("no file is no error"),
        Config::default()
    );
    assert_eq!(
        user("").expect("an empty file is no error"),
        Config::default()
    );
}

#[test]
fn every_key_stands_in_the_documented_defaults() {
    let defaults: toml::Table = toml::from_str(DEFAULT_TOML).unwrap();
    let written = toml::Table::try_from(Config::default()).unwrap();
    for section in ["track", "store", "daemon"] {
        let keys = |table: &toml::Table| {
            let mut keys: Vec<String> =
                table[section].as_table().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&defaults), keys(&written), "in [{section}]");
    }
}

#[test]
fn the_commented_entries_of_the_documented_defaults_are_valid() {
    let entries: Vec<&str> = DEFAULT_TOML
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| {
            line.starts_with("[[") && line.ends_with("]]")
                || line
                    .split_once(" = ")
                    .is_some_and(|(key, _)| !key.contains(' '))
        })
        .collect();
    let config = user(&entries.join("\n")).expect("the examples are valid");
    assert_eq!(config.verify.len(), 1);
    assert_eq!(config.verify[0].parse, ReportFormat::Junit);
    assert_eq!(config.checkpoint.len(), 1);
    let short = user("[[verify]]\nname = 'a'\nrun = 'make'").unwrap();
    assert_eq!(
        VerifyConfig {
            parse: ReportFormat::Exit,
            ..config.verify[0].clone()
        }
        .timeout,
        short.verify[0].timeout
    );
    assert_eq!(
        (short.verify[0].rule, short.verify[0].action),
        (config.verify[0].rule, config.verify[0].action)
    );
    assert_eq!(short.verify[0].run, RunCommand::Shell("make".to_owned()));
}

#[test]
fn the_contracts_example_is_read() {
    let config = user(
        r#"
[track]
include = [".env*", "local.db"]
exclude = ["*.log"]
ignored = "files"
ignored_max = "5 MiB"
file_max = "100 MiB"
settle = "20ms"
[store]
cap = "10 GiB"
keep = { every = "24h", hourly = "7d", daily = "90d" }
[[verify]]
name = "tests"
run = ["pytest", "-q", "--junitxml=$AFT_REPORT"]
parse = "junit"
on = ["turn-end"]
where = "scratch"
timeout = "60s"
rule = "failure-rate"
threshold = 0.3
action = "suggest"
[[checkpoint]]
on = "dependency-change"
keep = "until-verified"
"#,
    )
    .expect("the example is valid");
    let track = TrackConfig {
        include: vec![".env*".to_owned(), "local.db".to_owned()],
        exclude: vec!["*.log".to_owned()],
        ..TrackConfig::default()
    };
    assert_eq!(config.track, track);
    assert_eq!(config.store, StoreConfig::default());
    assert_eq!(config.verify[0].r#where, Place::Scratch);
    assert_eq!(config.checkpoint[0].keep, Some(KeepClass::UntilVerified));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_key() {
    assert_eq!(
        refusal("[track]\nsettle = \"20ms\"\nfilemax = \"1 MiB\"\n"),
        "config.toml:3: unknown key `filemax`; did you mean `file_max`?"
    );
    assert_eq!(
        refusal("[trak]\n"),
        "config.toml:1: unknown key `trak`; did you mean `track`?"
    );
    assert_eq!(
        refusal("\n[store]\nkeep = { hour = \"7d\" }\n"),
        "config.toml:3: unknown key `hour`; did you mean `hourly`?"
    );
    let far = refusal("[[checkpoint]]\non = \"complexity\"\nsomething_else = 1\n");
    assert_eq!(
        far,
        "config.toml:3: unknown key `something_else`; known here: on, keep, enabled, window, files, lines"
    );
    let check = refusal("[[verify]]\nname = \"a\"\nrun = \"true\"\ntimeuot = \"1s\"\n");
    assert_eq!(
        check,
        "config.toml:4: unknown key `timeuot`; did you mean `timeout`?"
    );
}

#[test]
fn wrong_values_are_refused_with_their_line() {
    for (text, line, part) in [
        ("[track]\nfile_max = \"5 MB!\"", 2, "is not a size"),
        ("[track]\nfile_max = 5", 2, "a size such as"),
        ("[track]\n\nsettle = \"soon\"", 3, "is not a duration"),
        ("[track]\nsettle = \"6s\"", 2, "at most 5s"),
        ("[track]\nignored = \"some\"", 2, "unknown variant"),
        ("[daemon]\nmemory_warning = \"1 GiB\"", 2, "must not fall"),
        ("[daemon]\nl1_operations = 0", 2, "at least 1"),
        ("[daemon]\nl2_operations = 0", 2, "at least 1"),
        ("[daemon]\nrescan = \"5ms\"", 2, "at least 1s"),
        ("[daemon]\nl1_operations = -1", 2, "invalid value"),
        ("[[verify]]\nname = \"a\"\nrun = []", 2, "no command"),
        ("[[verify]]\nname = \"a\"\nrun = 5", 3, "expected a command"),
        (
            "[[verify]]\nname = \"\"\nrun = \"true\"",
            1,
            "a name of its own",
        ),
        (
            "[[verify]]\nname = \"a\"\nrun = \"true\"\ndir = \"../x\"",
            4,
            "beneath the root",
        ),
        (
            "[[verify]]\nname = \"a\"\nrun = \"true\"\npattern = \"x\"",
            4,
            "goes with",
        ),
        (
            "[[verify]]\nname = \"a\"\nrun = \"true\"\nparse = \"regex\"",
            4,
            "needs it",
        ),
        (
            "[[verify]]\nname = \"a\"\nrun = \"true\"\nthreshold = -0.5",
            4,
            "not negative",
        ),
        (
            "[[verify]]\nname = \"a\"\nrun = \"x\"\n[[verify]]\nname = \"a\"\nrun = \"x\"",
            2,
            "a name of its own",
        ),
        ("[track\n", 1, ""),
    ] {
        let message = refusal(text);
        assert!(
            message.starts_with(&format!("config.toml:{line}: ")),
            "{text:?} gave {message}"
        );
        assert!(message.contains(part), "{text:?} gave {message}");
    }
}

#[test]
fn a_workspace_decides_about_tracking_and_checks_only() {
    for (text, expected) in [
        (
            "[track]\n[store]\ncap = \"1 GiB\"\n",
            ".afterimage.toml:2: `store` may",
        ),
        (
            "\n\n[daemon]\nagent_may_watch = true\n",
            ".afterimage.toml:3: `daemon` may",
        ),
        (
            "daemon.agent_may_watch = true\n",
            ".afterimage.toml:1: `daemon` may",
        ),
    ] {
        let message = Config::from_sources(None, Some(&source(WORKSPACE_FILE, text)))
            .unwrap_err()
            .to_string();
        assert!(message.starts_with(expected), "{text:?} gave {message}");
    }
}

#[test]
fn a_workspaces_file_lies_over_the_users() {
    let below = "[track]\ninclude = [\"a\"]\nsettle = \"50ms\"\nfile_max = \"1 MiB\"\n[store]\ncap = \"2 GiB\"\n\
        [[verify]]\nname = \"t\"\nrun = \"old\"\n[[verify]]\nname = \"u\"\nrun = \"kept\"\n";
    let above = "[track]\ninclude = [\"b\"]\nfile_max = \"3 MiB\"\n[[verify]]\nname = \"t\"\nrun = \"new\"\n";
    let config = Config::from_sources(
        Some(&source("config.toml", below)),
        Some(&source(WORKSPACE_FILE, above)),
    )
    .unwrap();
    assert_eq!(config.track.include, ["a", "b"]);
    assert_eq!(config.track.settle, Period(Duration::from_millis(50)));
    assert_eq!(config.track.file_max, ByteSize::mib(3));
    assert_eq!(config.store.cap, ByteSize::gib(2));
    let checks: Vec<(&str, &RunCommand)> = config
        .verify
        .iter()
        .map(|v| (v.name.as_str(), &v.run))
        .collect();
    let shell = |line: &str| RunCommand::Shell(line.to_owned());
    assert_eq!(checks, [("u", &shell("kept")), ("t", &shell("new"))]);
}

#[test]
fn sizes_and_durations_are_read_and_written() {
    for (text, bytes) in [
        ("0B", 0),
        ("5 MiB", 5 << 20),
        ("1.5KiB", 1536),
        ("2 kb", 2000),
        ("10 GiB", 10 << 30),
    ] {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
    for text in [
        "",
        "5",
        "MiB",
        "5 MiBs",
        "-1 B",
        "1. B",
        "99999999 TiB",
        "1.2.3 MiB",
    ] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
    for (text, ms) in [
        ("20ms", 20),
        ("1.5s", 1500),
        ("15m", 900_000),
        ("24h", 86_400_000),
        ("1w", 604_800_000),
    ] {
        assert_eq!(
            text.parse(),
            Ok(Period(Duration::from_millis(ms))),
            "{text}"
        );
    }
    for bytes in [0, 1, 1023, 1024, 5 << 20, 10 << 30, u64::MAX] {
        assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
    }
    for ms in [0, 20, 1500, 86_400_000, 604_800_000] {
        let period = Period(Duration::from_millis(ms));
        assert_eq!(period.to_string().parse(), Ok(period));
    }
}

#[test]
fn the_schema_in_the_repository_is_the_codes() {
    let generated = schema().unwrap();
    // A generator of the file: point the variable at config/schema.json.
    if let Some(path) = std::env::var_os("AFT_WRITE_SCHEMA") {
        use std::io::Write;
        std::fs::File::create(path)
            .unwrap()
            .write_all(generated.as_bytes())
            .unwrap();
        return;
    }
    let stored = include_str!("../../../../config/schema.json");
    assert!(
        stored == generated,
        "config/schema.json is stale; run this test with AFT_WRITE_SCHEMA set to its path"
    );
}

#[test]
fn a_missing_file_is_no_error_and_a_wrong_one_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    assert_eq!(read_user(&path).unwrap(), None);
    let write = |bytes: &[u8]| {
        use std::io::Write;
        std::fs::File::create(&path)
            .unwrap()
            .write_all(bytes)
            .unwrap();
    };
    write(b"[track]\nsettle = \"1s\"\n");
    let read = read_user(&path).unwrap().unwrap();
    let config = Config::from_sources(Some(&read), None).unwrap();
    assert_eq!(config.track.settle, Period(Duration::from_secs(1)));
    write(&[0xff, 0xfe]);
    assert!(matches!(read_user(&path), Err(ConfigError::NotText { .. })));
    write(&vec![b'#'; (1 << 20) + 1]);
    assert!(matches!(read_user(&path), Err(ConfigError::NotText { .. })));
}

#[test]
fn the_users_file_is_where_the_environment_says() {
    let with = |set: &'static [(&str, &str)]| {
        user_path(move |name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).into())
        })
    };
    assert_eq!(
        with(&[("AFT_CONFIG", "/a"), ("HOME", "/h")])
            .unwrap()
            .to_str(),
        Some("/a")
    );
    let xdg = with(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]);
    assert_eq!(xdg.unwrap().to_str(), Some("/x/afterimage/config.toml"));
    let home = with(&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")]);
    assert_eq!(
        home.unwrap().to_str(),
        Some("/h/.config/afterimage/config.toml")
    );
    assert_eq!(with(&[]), None);
}
