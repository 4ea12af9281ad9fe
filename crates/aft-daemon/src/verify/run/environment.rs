//! The environment of a check: what programs need to find themselves, what the configuration adds, and nothing else.
//!
//! Does: choose. Does not: read the environment by itself.
//!
//! Names on the list pass; everything else of the daemon's stays behind, so that a secret that somebody exported years
//! ago is not handed to every test. Some names never pass, whoever asks: they make a program load code (`LD_*`), turn git
//! to another repository (`GIT_*`), or are secrets by their name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// What passes from the daemon's own environment.
const PASSES: [&str; 26] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "JAVA_HOME",
    "NVM_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// So do the parts of the language.
const PASSES_FROM: &str = "LC_";

/// Never passed, however a name is asked for.
const NEVER_FROM: [&str; 4] = ["GIT_", "LD_", "DYLD_", "AFT_"];
const NEVER_TO: [&str; 3] = ["_TOKEN", "_SECRET", "_PASSWORD"];

/// The environment from what surrounds the daemon, what a configuration asks for, and what is the run's own; the last wins.
pub(super) fn of(
    surrounding: impl IntoIterator<Item = (OsString, OsString)>,
    asked: Vec<(OsString, OsString)>,
    own: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let mut made: Vec<(OsString, OsString)> = Vec::new();
    let passes = surrounding.into_iter().filter(|(name, _)| passes(name));
    // Nobody looks at what it prints but a reader of reports.
    let plain = [("TERM", "dumb"), ("NO_COLOR", "1")];
    let plain = plain.map(|(name, value)| (name.into(), value.into()));
    let asked = asked.into_iter().filter(|(name, _)| !is_never_passed(name));
    for (name, value) in passes.chain(plain).chain(asked).chain(own) {
        made.retain(|(there, _)| *there != name);
        made.push((name, value));
    }
    made
}

fn passes(name: &OsStr) -> bool {
    let is_listed = PASSES.iter().any(|listed| name == *listed);
    is_listed || name.as_bytes().starts_with(PASSES_FROM.as_bytes())
}

/// Whether no check ever has a variable of this name from outside.
pub(super) fn is_never_passed(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_uppercase();
    let begins = NEVER_FROM
        .iter()
        .any(|start| name.starts_with(start.as_bytes()));
    let ends = NEVER_TO.iter().any(|end| name.ends_with(end.as_bytes()));
    begins || ends || name.is_empty() || name.contains(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(surrounding: &[(&str, &str)], asked: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect()
        };
        let own = pairs(&[("AFT_REPORT", "/r")]);
        let made = of(pairs(surrounding), pairs(asked), own);
        let text = |text: OsString| text.into_string().unwrap();
        made.into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[test]
    fn only_names_on_the_list_pass() {
        let env = made(
            &[
                ("PATH", "/bin"),
                ("LC_ALL", "C"),
                ("AWS_SECRET_ACCESS_KEY", "x"),
                ("PYTHONSTARTUP", "/evil"),
                ("AFT_HOME", "/store"),
            ],
            &[],
        );
        let names: Vec<&str> = env.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "TERM", "NO_COLOR", "AFT_REPORT"]);
    }

    #[test]
    fn what_a_configuration_asks_for_passes_except_what_never_does() {
        let env = made(
            &[("PATH", "/bin")],
            &[
                ("PATH", "/opt/bin"),
                ("DATABASE", "test"),
                ("GITHUB_TOKEN", "x"),
                ("Db_Password", "x"),
                ("LD_PRELOAD", "x.so"),
                ("GIT_DIR", "/x"),
                ("AFT_REPORT", "/elsewhere"),
                ("", "x"),
            ],
        );
        let text = |name: &str| {
            let found = env.iter().find(|(there, _)| there == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(text("PATH"), Some("/opt/bin"));
        assert_eq!(text("DATABASE"), Some("test"));
        assert_eq!(text("AFT_REPORT"), Some("/r"));
        assert_eq!(env.len(), 5, "{env:?}");
    }
}
