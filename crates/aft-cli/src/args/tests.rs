//! The definition of the command line holds together, and every help says what it promises.

use clap::{Command as Definition, CommandFactory};

use super::*;

fn each_command(definition: &Definition, path: &str, check: &mut impl FnMut(&str, &Definition)) {
    check(path, definition);
    for command in definition.get_subcommands() {
        each_command(command, &format!("{path} {}", command.get_name()), check);
    }
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_has_an_example_that_parses_to_its_command() {
    let mut n_commands = 0;
    each_command(&Cli::command(), "aft", &mut |path, definition| {
        n_commands += 1;
        let help = definition.clone().render_long_help().to_string();
        assert!(help.contains("Example"), "`{path} --help` has no example");
        assert!(
            help.contains(path),
            "`{path} --help` has an example of something else"
        );
        assert!(
            definition
                .get_about()
                .is_some_and(|about| !about.to_string().ends_with('.')),
            "`{path}` has no one-line description"
        );
    });
    assert!(n_commands > 35, "only {n_commands} commands");
}

#[test]
fn every_example_parses() {
    let mut n_examples = 0;
    each_command(&Cli::command(), "aft", &mut |path, definition| {
        let help = definition.get_after_help().unwrap().to_string();
        for line in help.lines().filter_map(|line| line.strip_prefix("  aft ")) {
            // What a shell does with it, and the remark behind it.
            let ends = ["   ", " | ", " > ", " >> "];
            let end = ends.iter().filter_map(|end| line.find(end)).min();
            let line = &line[..end.unwrap_or(line.len())];
            let words: Vec<&str> = line.split_whitespace().collect();
            // A quoted text stands as one word in a shell.
            if words.iter().any(|word| word.starts_with('\'')) {
                continue;
            }
            if let Err(error) = Cli::try_parse_from(std::iter::once("aft").chain(words)) {
                panic!("an example of `{path}` does not parse: aft {line}\n{error}");
            }
            n_examples += 1;
        }
    });
    assert!(n_examples > 40, "only {n_examples} examples");
}

#[test]
fn the_commands_of_the_contract_are_there() {
    let definition = Cli::command();
    let names: Vec<&str> = definition
        .get_subcommands()
        .map(Definition::get_name)
        .collect();
    for name in "watch unwatch sync status log show diff undo redo rollback restore cat history checkpoint session turn \
        events check stats daemon doctor completions man"
        .split_whitespace()
    {
        assert!(names.contains(&name), "`aft {name}` is missing");
    }
    let daemon = definition.find_subcommand("daemon").unwrap();
    for name in ["run", "start", "stop", "status", "logs"] {
        assert!(
            daemon.find_subcommand(name).is_some(),
            "`aft daemon {name}` is missing"
        );
    }
}

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_quick_reading_knows_every_command_by_its_name() {
    for command in Cli::command().get_subcommands() {
        let quick = definition_of(command.get_name())
            .unwrap_or_else(|| panic!("{} is missing", command.get_name()));
        let arguments = |definition: &Definition| {
            definition
                .get_arguments()
                .map(|arg| arg.get_id().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(arguments(&quick), arguments(command));
    }
    assert!(definition_of("nonsense").is_none());
}

#[test]
fn the_quick_reading_means_the_same_as_the_whole_one() {
    for line in [
        "aft status",
        "aft --json -w /x log -n 3 src --stat",
        "aft --color=never --workspace /x --json checkpoint a -m b",
        "aft checkpoint list -n 4",
        "aft rollback 10m a b --dry-run --json",
        "aft undo --turn",
        "aft diff 1 2 -- a",
        "aft daemon logs -n 7",
    ] {
        let quick = Cli::read_quickly(&words(line)).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(
            format!("{quick:?}"),
            format!("{:?}", parse(line).unwrap()),
            "{line}"
        );
    }
}

#[test]
fn help_and_mistakes_are_left_to_the_whole_definition() {
    for line in [
        "aft",
        "aft --help",
        "aft log --help",
        "aft log -h",
        "aft --version",
        "aft lgo",
        "aft undo -n x",
        "aft -w",
    ] {
        assert!(Cli::read_quickly(&words(line)).is_none(), "{line}");
    }
    let help = Cli::read(&words("aft log --help")).unwrap_err().to_string();
    assert!(
        help.contains("Usage: aft log") && help.contains("--color <WHEN>"),
        "{help}"
    );
    let mistake = Cli::read(&words("aft rolback 3")).unwrap_err().to_string();
    assert!(mistake.contains("rollback"), "{mistake}");
}

#[test]
fn global_options_stand_anywhere() {
    for line in [
        "aft --json status",
        "aft status --json",
        "aft -w /x status",
        "aft status --workspace /x --color never",
        "aft checkpoint x --json",
    ] {
        assert!(parse(line).is_ok(), "{line}");
    }
    let cli = parse("aft status --json -w /x").unwrap();
    assert!(cli.global.json);
    assert_eq!(cli.global.workspace, Some(PathBuf::from("/x")));
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for line in [
        "aft",
        "aft nonsense",
        "aft checkpoint",
        "aft restore a",
        "aft rollback",
        "aft undo -n 0",
        "aft undo 142 -n 2",
        "aft undo --turn -n 2",
        "aft watch --detach --foreground",
        "aft diff --stat --word",
        "aft rollback 10m --on-conflict whatever",
        "aft log --kind nonsense",
        "aft checkpoint x --keep forever",
        "aft completions tcl",
        "aft events --event nonsense",
    ] {
        let error = parse(line).map(drop).unwrap_err();
        // Help for a command without its subcommand is a usage error as well.
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn what_makes_sense_parses() {
    for line in [
        "aft undo --turn",
        "aft undo --turn=7f",
        "aft undo --session s --dry-run",
        "aft log --turn -1",
        "aft rollback @-3 a b --session s --on-conflict keep --expected-head 4",
        "aft diff 1 2 a -- b",
        "aft checkpoint create x -m text --keep until-verified --at 10m --force",
        "aft checkpoint list",
        "aft checkpoint rm a b",
        "aft turn end --no-wait",
        "aft events -f --event sync:state --event workspace:state",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}
