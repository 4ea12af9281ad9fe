//! Git's global excludes: which file `core.excludesFile` names, and its text. Reads the two configuration files
//! of the user minimally (no `include`), and nothing inside a workspace.

use std::path::{Path, PathBuf};

/// The text of git's global excludes file: `core.excludesFile` in `~/.gitconfig` or
/// `$XDG_CONFIG_HOME/git/config`, else `$XDG_CONFIG_HOME/git/ignore`. `None` where there is none.
///
/// `config_home` is `$XDG_CONFIG_HOME` where that is set.
pub fn global_excludes(home: &Path, config_home: Option<&Path>) -> Option<Vec<u8>> {
    let config_home = config_home.map_or_else(|| home.join(".config"), Path::to_path_buf);
    // As git has it: the file in the home directory is read last, so it wins.
    let named = [home.join(".gitconfig"), config_home.join("git/config")]
        .iter()
        .find_map(|file| excludes_file(&std::fs::read_to_string(file).ok()?));
    let file = match named {
        Some(name) => match name.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(name),
        },
        None => config_home.join("git/ignore"),
    };
    std::fs::read(file).ok()
}

/// The last value of `excludesFile` in a `[core]` section.
fn excludes_file(config: &str) -> Option<String> {
    let mut in_core = false;
    let mut value = None;
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default();
            in_core = name.trim().eq_ignore_ascii_case("core");
            continue;
        }
        let Some((key, text)) = line.split_once('=') else {
            continue;
        };
        if in_core && key.trim().eq_ignore_ascii_case("excludesfile") {
            value = Some(unquote(text.trim()));
        }
    }
    value.filter(|name| !name.is_empty())
}

/// A value without quotes, escapes and a comment at its end.
fn unquote(text: &str) -> String {
    let mut value = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            c => value.push(c),
        }
    }
    value.trim_end().to_owned()
}
