//! Reading the two files and laying one over the other. Does not interpret what it has read.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aft_model::{RelPath, SecretNames};
use aft_os::ReadDir;
use toml::{Table, Value};

use super::check::{ReportFormat, RunCommand, VerifyConfig};
use super::error::{ConfigError, from_toml, line_of};
use super::{Config, WORKSPACE_FILE};

/// No configuration is longer than this; a file that is, is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What may stand in the user's file only (I1).
const USER_SECTIONS: [&str; 2] = ["store", "daemon"];

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name, for messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Where the user's file is: `$AFT_CONFIG`, else `$XDG_CONFIG_HOME/afterimage/config.toml`, else the same
/// under `~/.config`. `variable` looks an environment variable up.
pub fn user_path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("AFT_CONFIG").or_else(|| {
        let base =
            set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(base.join("afterimage/config.toml"))
    })
}

/// Reads the user's file; `None` where there is none.
///
/// # Errors
/// [`ConfigError::Read`] and [`ConfigError::NotText`].
pub fn read_user(path: &Path) -> Result<Option<Source>, ConfigError> {
    let file = path.display().to_string();
    match std::fs::File::open(path) {
        Ok(mut opened) => read_text(file, &mut opened).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { file, source }),
    }
}

/// Reads `.afterimage.toml` at a workspace's root; `None` where there is none. A symbolic link there is not
/// followed.
///
/// # Errors
/// [`ConfigError::Read`] and [`ConfigError::NotText`].
pub fn read_workspace(root: &dyn ReadDir) -> Result<Option<Source>, ConfigError> {
    let file = WORKSPACE_FILE.to_owned();
    let Ok(path) = RelPath::new(WORKSPACE_FILE) else {
        return Ok(None);
    };
    match root.open(&path) {
        Ok(mut opened) => read_text(file, &mut opened).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { file, source }),
    }
}

fn read_text(file: String, opened: &mut dyn Read) -> Result<Source, ConfigError> {
    let mut bytes = Vec::new();
    if let Err(source) = opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        return Err(ConfigError::Read { file, source });
    }
    let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= FILE_BYTES_MAX);
    match String::from_utf8(bytes) {
        Ok(text) if fits => Ok(Source { file, text }),
        _ => Err(ConfigError::NotText {
            file,
            max: FILE_BYTES_MAX,
        }),
    }
}

/// See [`Config::from_sources`].
pub(super) fn join(
    user: Option<&Source>,
    workspace: Option<&Source>,
) -> Result<Config, ConfigError> {
    let mut tables = Table::new();
    let mut last = None;
    if let Some(source) = user {
        tables = checked(source)?;
        last = Some(source);
    }
    if let Some(source) = workspace {
        refuse_foreign_sections(source)?;
        let own = checked(source)?;
        refuse_unsealing(source, &own)?;
        lay_over(&mut tables, own);
        last = Some(source);
    }
    let Some(source) = last else {
        return Ok(Config::default());
    };
    let config: Config = tables
        .try_into()
        .map_err(|error| from_toml(&source.file, &source.text, &error))?;
    // Each file was valid by itself; together they can still contradict each other.
    check(&config, source)?;
    Ok(config)
}

/// Parses one file by itself, so that an error has its line.
fn checked(source: &Source) -> Result<Table, ConfigError> {
    let told = |error: toml::de::Error| from_toml(&source.file, &source.text, &error);
    let config: Config = toml::from_str(&source.text).map_err(told)?;
    check(&config, source)?;
    toml::from_str(&source.text).map_err(told)
}

fn refuse_foreign_sections(source: &Source) -> Result<(), ConfigError> {
    // A file that does not parse is reported by `checked`, with the better message.
    let Ok(table) = toml::from_str::<Table>(&source.text) else {
        return Ok(());
    };
    match table
        .keys()
        .find(|section| USER_SECTIONS.contains(&section.as_str()))
    {
        None => Ok(()),
        Some(section) => Err(ConfigError::NotForWorkspace {
            file: source.file.clone(),
            line: line_naming(&source.text, section),
            section: section.clone(),
        }),
    }
}

/// The first line that begins with `word`, with or without a table's brackets.
fn line_naming(text: &str, word: &str) -> usize {
    let begins = |line: &str| {
        line.trim_start_matches([' ', '\t', '[', '"', '\''])
            .starts_with(word)
    };
    text.lines().position(begins).map_or(1, |index| index + 1)
}

/// Lays the workspace's table over the user's.
fn lay_over(user: &mut Table, workspace: Table) {
    for (section, value) in workspace {
        match (user.get_mut(&section), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_track(below, above),
            (Some(Value::Array(below)), Value::Array(above)) => {
                let identity = if section == "verify" { "name" } else { "on" };
                let key = |entry: &Value| {
                    entry
                        .get(identity)
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                };
                let replaced: HashSet<_> = above.iter().filter_map(key).collect();
                below.retain(|entry| key(entry).is_none_or(|key| !replaced.contains(&key)));
                below.extend(above);
            }
            (_, value) => {
                user.insert(section, value);
            }
        }
    }
}

/// A workspace's file says only what else is a secret: whoever may write in the workspace could otherwise have told
/// what the secrets there were.
fn refuse_unsealing(source: &Source, own: &Table) -> Result<(), ConfigError> {
    let track = own.get("track");
    let is_plain = |value: &Value| value.as_str() == Some("plain");
    let unsays = |value: &Value| {
        let names = value.as_array().into_iter().flatten();
        let mut texts = names.filter_map(Value::as_str);
        texts.any(|text| text.starts_with('!'))
    };
    let says = |key: &str, loosens: &dyn Fn(&Value) -> bool| {
        track.and_then(|track| track.get(key)).is_some_and(loosens)
    };
    let what = if says("secrets", &is_plain) {
        ("secrets", "secrets = \"plain\"")
    } else if says("secret_names", &unsays) {
        ("secret_names", "secret_names with `!`")
    } else {
        return Ok(());
    };
    Err(ConfigError::NotForWorkspace {
        file: source.file.clone(),
        line: line_naming(&source.text, what.0),
        section: what.1.to_owned(),
    })
}

/// How strict a value of `track.secrets` is.
fn strictness(value: &Value) -> usize {
    let known = ["plain", "seal", "never"];
    let found = known.iter().position(|known| value.as_str() == Some(known));
    found.unwrap_or(known.len())
}

fn lay_track(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(stricter), value)
                if key == "secrets" && strictness(stricter) > strictness(&value) => {}
            (Some(Value::Array(patterns)), Value::Array(more)) => patterns.extend(more),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// What types alone cannot say.
fn check(config: &Config, source: &Source) -> Result<(), ConfigError> {
    let refuse = |word: &str, message: String| {
        let line = source
            .text
            .find(word)
            .map_or(1, |offset| line_of(&source.text, offset));
        Err(ConfigError::Invalid {
            file: source.file.clone(),
            line,
            message,
        })
    };
    if config.track.settle.0.as_millis() > 5_000 {
        return refuse(
            "settle",
            "`settle` is at most 5s, because a burst ends after 5s in any case".to_owned(),
        );
    }
    if let Err(error) = SecretNames::with(&config.track.secret_names) {
        return refuse("secret_names", error.to_string());
    }
    let daemon = &config.daemon;
    let rising = daemon.memory_warning <= daemon.memory_critical
        && daemon.memory_critical <= daemon.memory_emergency;
    if !rising {
        return refuse(
            "memory_",
            "memory_warning, memory_critical and memory_emergency must not fall".to_owned(),
        );
    }
    if daemon.l1_operations == 0 {
        return refuse("l1_operations", "`l1_operations` is at least 1".to_owned());
    }
    if daemon.l2_operations == 0 {
        return refuse("l2_operations", "`l2_operations` is at least 1".to_owned());
    }
    if daemon.rescan.0.as_millis() < 1_000 {
        return refuse("rescan", "`rescan` is at least 1s".to_owned());
    }
    let mut names = HashSet::new();
    for verify in &config.verify {
        if verify.name.is_empty() || !names.insert(verify.name.as_str()) {
            return refuse(
                &verify.name,
                format!(
                    "each [[verify]] has a name of its own; `{}` is not",
                    verify.name
                ),
            );
        }
        let empty = match &verify.run {
            RunCommand::Shell(line) => line.trim().is_empty(),
            RunCommand::Words(words) => words.first().is_none_or(String::is_empty),
        };
        if empty {
            return refuse(
                &verify.name,
                format!("the check `{}` has no command in `run`", verify.name),
            );
        }
        if let Err((word, message)) = check_verify(verify) {
            return refuse(word, message);
        }
    }
    Ok(())
}

/// What is wrong with a check besides its name and command, and the word it stands at.
fn check_verify(verify: &VerifyConfig) -> Result<(), (&'static str, String)> {
    let is_number = |threshold: f64| threshold.is_finite() && threshold >= 0.0;
    if !verify.threshold.is_none_or(is_number) {
        let message = "`threshold` is a number that is not negative".to_owned();
        return Err(("threshold", message));
    }
    if RelPath::new(&verify.dir).is_err() && !verify.dir.is_empty() {
        let message = format!("`dir` is a path beneath the root, not `{}`", verify.dir);
        return Err(("dir", message));
    }
    if (verify.parse == ReportFormat::Regex) != verify.pattern.is_some() {
        let message = "`pattern` goes with `parse = \"regex\"`, and that needs it".to_owned();
        let word = if verify.pattern.is_some() {
            "pattern"
        } else {
            "parse"
        };
        return Err((word, message));
    }
    let mut places = verify.writable.iter();
    if let Some(place) = places.find(|place| !Path::new(place).is_absolute()) {
        let message = format!("`writable` has absolute paths, not `{place}`");
        return Err(("writable", message));
    }
    Ok(())
}
