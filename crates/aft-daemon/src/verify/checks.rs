//! The checks of a workspace as its configuration has them now.
//!
//! Does: read both files, choose checks by name or by what made them run, say what of a definition makes another verdict,
//! turn the configuration's words into those of `aft_verify`.
//! Does not: decide whether a command may run; `trust` does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aft_os::fs::real::RealRoot;
use aft_verify::{Format, Rule};

use crate::config::{
    self, Config, ConfigError, Place, ReportFormat, RunCommand, VerifyConfig, VerifyTrigger,
};

/// The configuration of both files, read now.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) config: Config,
    /// Names of those that the workspace's own file defines.
    own: Vec<String>,
    /// That file, as it was read.
    file: Option<config::Source>,
}

/// A name that no check has.
#[derive(Debug, thiserror::Error)]
#[error("there is no check `{name}`{}", nearest_words(.nearest))]
pub(crate) struct UnknownCheck {
    pub(crate) name: String,
    /// The names there are.
    pub(crate) nearest: Vec<String>,
}

fn nearest_words(names: &[String]) -> String {
    match names {
        [] => "; none is configured, `aft verify --suggest` proposes some".to_owned(),
        names => format!("; there are {}", names.join(", ")),
    }
}

impl Configured {
    /// Reads the user's file and the workspace's.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub(crate) fn read(user: &Path, root: &Path) -> Result<Self, ConfigError> {
        let user = config::read_user(user)?;
        let file = match RealRoot::open(root) {
            Ok(root) => config::read_workspace(&root)?,
            Err(_) => None,
        };
        let config = Config::from_sources(user.as_ref(), file.as_ref())?;
        let alone = Config::from_sources(None, file.as_ref())?;
        let own = alone.verify.into_iter().map(|check| check.name).collect();
        Ok(Self { config, own, file })
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[VerifyConfig] {
        &self.config.verify
    }

    /// Whether the workspace's own file defines it.
    pub(crate) fn is_own(&self, check: &VerifyConfig) -> bool {
        self.own.contains(&check.name)
    }

    /// The workspace's own file, as it was read for this.
    pub(crate) fn own_file(&self) -> Option<&config::Source> {
        self.file.as_ref()
    }

    /// Those of these names, in the configuration's order.
    ///
    /// # Errors
    /// [`UnknownCheck`].
    pub(crate) fn named(&self, names: &[String]) -> Result<Vec<VerifyConfig>, UnknownCheck> {
        for name in names {
            if !self.all().iter().any(|check| check.name == *name) {
                return Err(UnknownCheck {
                    name: name.clone(),
                    nearest: self.all().iter().map(|check| check.name.clone()).collect(),
                });
            }
        }
        let chosen = self
            .all()
            .iter()
            .filter(|check| names.contains(&check.name));
        Ok(chosen.cloned().collect())
    }

    /// Those that run at such an event.
    pub(crate) fn on(&self, trigger: VerifyTrigger) -> Vec<VerifyConfig> {
        let chosen = self
            .all()
            .iter()
            .filter(|check| check.on.contains(&trigger));
        chosen.cloned().collect()
    }

    /// Those that must have passed for a state to be good: all but those that run only by hand, or, where there are no
    /// others, all.
    pub(crate) fn required(&self) -> Vec<&VerifyConfig> {
        let by_itself =
            |check: &&VerifyConfig| check.on.iter().any(|on| *on != VerifyTrigger::Manual);
        let some: Vec<&VerifyConfig> = self.all().iter().filter(by_itself).collect();
        match some.is_empty() {
            true => self.all().iter().collect(),
            false => some,
        }
    }
}

/// A hash of what decides what a check would say of a state. When it runs, for how long and what follows do not.
pub(crate) fn definition(check: &VerifyConfig) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(check.name.as_bytes());
    match &check.run {
        RunCommand::Shell(line) => {
            part(b"shell");
            part(line.as_bytes());
        }
        RunCommand::Words(words) => {
            part(b"words");
            words.iter().for_each(|word| part(word.as_bytes()));
        }
    }
    part(format_name(check.parse).as_bytes());
    part(check.pattern.as_deref().unwrap_or_default().as_bytes());
    part(check.dir.as_bytes());
    part(&[check.rule as u8, check.r#where as u8]);
    part(&threshold(check).to_le_bytes());
    check.env.iter().for_each(|name| part(name.as_bytes()));
    if check.sockets || !check.writable.is_empty() {
        part(&[u8::from(check.sockets)]);
        check
            .writable
            .iter()
            .for_each(|place| part(place.as_bytes()));
    }
    *hasher.finalize().as_bytes()
}

/// The name in a configuration.
pub(crate) fn format_name(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Exit => "exit",
        ReportFormat::Cargo => "cargo",
        ReportFormat::Junit => "junit",
        ReportFormat::Libtest => "libtest",
        ReportFormat::Nextest => "nextest",
        ReportFormat::Pytest => "pytest",
        ReportFormat::Go => "go",
        ReportFormat::Tap => "tap",
        ReportFormat::Criterion => "criterion",
        ReportFormat::Hyperfine => "hyperfine",
        ReportFormat::Regex => "regex",
    }
}

/// How its report is read.
pub(crate) fn format(check: &VerifyConfig) -> Format {
    match check.parse {
        ReportFormat::Exit => Format::Exit,
        ReportFormat::Cargo => Format::Cargo,
        ReportFormat::Junit => Format::Junit,
        ReportFormat::Libtest => Format::Libtest,
        ReportFormat::Nextest => Format::Nextest,
        ReportFormat::Pytest => Format::Pytest,
        ReportFormat::Go => Format::Go,
        ReportFormat::Tap => Format::Tap,
        ReportFormat::Criterion => Format::Criterion,
        ReportFormat::Hyperfine => Format::Hyperfine,
        ReportFormat::Regex => Format::Regex(check.pattern.clone().unwrap_or_default()),
    }
}

/// What decides.
pub(crate) fn rule(check: &VerifyConfig) -> Rule {
    match check.rule {
        config::Rule::CompileError => Rule::CompileError,
        config::Rule::FailureRate => Rule::FailureRate,
        config::Rule::Slower => Rule::Slower,
        config::Rule::Quality => Rule::Quality,
        config::Rule::Exit => Rule::Exit,
    }
}

/// The rule's threshold.
pub(crate) fn threshold(check: &VerifyConfig) -> f64 {
    let usual = rule(check).default_threshold();
    check.threshold.unwrap_or(usual)
}

/// The word of an event.
pub(crate) fn trigger_name(trigger: VerifyTrigger) -> &'static str {
    match trigger {
        VerifyTrigger::TurnEnd => "turn-end",
        VerifyTrigger::Idle => "idle",
        VerifyTrigger::Checkpoint => "checkpoint",
        VerifyTrigger::Operation => "operation",
        VerifyTrigger::Manual => "manual",
    }
}

/// Where it runs.
pub(crate) fn is_in_workspace(check: &VerifyConfig) -> bool {
    check.r#where == Place::Workspace
}

/// The program and its arguments, as configured.
pub(crate) fn argv(check: &VerifyConfig) -> Vec<OsString> {
    match &check.run {
        RunCommand::Shell(line) => super::run::shell(line),
        RunCommand::Words(words) => words.iter().map(OsString::from).collect(),
    }
}

/// Its command in one line, for people.
pub(crate) fn command_line(check: &VerifyConfig) -> String {
    match &check.run {
        RunCommand::Shell(line) => line.clone(),
        RunCommand::Words(words) => words.join(" "),
    }
}

/// The places besides its tree in which it may write, as they are without links. None may open what is `hidden`.
///
/// # Errors
/// A sentence that says which cannot be used.
pub(crate) fn writable(check: &VerifyConfig, hidden: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let plain = |path: &Path| path.canonicalize();
    let hidden: Vec<PathBuf> = hidden.iter().filter_map(|path| plain(path).ok()).collect();
    let usable = |name: &String| {
        let place = plain(Path::new(name))
            .map_err(|error| format!("`writable` names {name}, which cannot be used: {error}"))?;
        let mut hidden = hidden.iter();
        match hidden.any(|hidden| hidden.starts_with(&place) || place.starts_with(hidden)) {
            true => Err(format!(
                "`writable` names {name}, which would open the history"
            )),
            false => Ok(place),
        }
    };
    check.writable.iter().map(usable).collect()
}

/// The variables it asks for, as they are around the daemon.
pub(crate) fn environment(check: &VerifyConfig) -> Vec<(OsString, OsString)> {
    let asked = check.env.iter();
    let found = asked.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    found.collect()
}

#[cfg(test)]
mod tests {
    //! What makes a state good, and what makes another check.

    use super::*;
    use crate::config::Source;

    fn checks(text: &str) -> Configured {
        let source = Source {
            file: "config.toml".to_owned(),
            text: text.to_owned(),
        };
        Configured {
            config: Config::from_sources(Some(&source), None).unwrap(),
            own: Vec::new(),
            file: None,
        }
    }

    #[test]
    fn what_runs_only_by_hand_is_not_required_where_others_are() {
        let names = |checks: &Configured| -> Vec<String> {
            let required = checks.required();
            required.iter().map(|check| check.name.clone()).collect()
        };
        let text = "[[verify]]\nname='a'\nrun='x'\n[[verify]]\nname='b'\nrun='x'\non=['manual']\n";
        assert_eq!(names(&checks(text)), ["a"]);
        let alone = "[[verify]]\nname='b'\nrun='x'\non=['manual']\n";
        assert_eq!(names(&checks(alone)), ["b"]);
    }

    #[test]
    fn a_definition_is_what_decides_what_is_said() {
        let of = |more: &str| {
            let text = format!("[[verify]]\nname='a'\nrun='x'\n{more}");
            definition(&checks(&text).all()[0])
        };
        for same in [
            "on=['idle']",
            "timeout='5s'",
            "action='rollback'",
            "quiet='3s'",
            "find_within='3s'",
        ] {
            assert_eq!(of(""), of(same), "{same}");
        }
        for other in [
            "parse='junit'",
            "dir='sub'",
            "env=['X']",
            "threshold=0.5",
            "rule='exit'",
            "sockets=true",
            "writable=['/dev/shm']",
        ] {
            assert_ne!(of(""), of(other), "{other}");
        }
        let words = checks("[[verify]]\nname='a'\nrun=['x']\n");
        assert_ne!(of(""), definition(&words.all()[0]));
    }

    #[test]
    fn an_unknown_name_is_told_with_those_there_are() {
        let checks = checks("[[verify]]\nname='a'\nrun='x'\n[[verify]]\nname='b'\nrun='x'\n");
        let chosen = checks.named(&["b".to_owned(), "a".to_owned()]).unwrap();
        let names: Vec<&str> = chosen.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let unknown = checks.named(&["c".to_owned()]).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no check `c`; there are a, b");
    }
}
