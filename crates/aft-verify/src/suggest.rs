//! Checks for a project that has none configured.
//!
//! Does: propose them from the names at the root and a few small files; write them as configuration.
//! Does not: read files itself, run anything, decide: a person copies what they want, and trusts it.

mod kinds;

use std::fmt::Write as _;

/// One proposed check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Unique among those of one project.
    pub name: String,
    pub run: Run,
    /// A format's name, as in [`crate::Format::NAMES`].
    pub parse: &'static str,
    /// A rule's name, as in [`crate::Rule::NAMES`].
    pub rule: &'static str,
    /// When: `turn-end`, `manual`.
    pub on: &'static str,
    /// Whether it needs what git ignores, which a scratch copy does not have.
    pub in_workspace: bool,
    /// A time-out, where the usual one is too short.
    pub timeout: Option<&'static str>,
    /// What it is proposed for.
    pub why: String,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Runs as it stands.
    Words(Vec<String>),
    /// Goes through a shell.
    Shell(String),
}

/// Proposes checks. `names` are those at the root, `read` gives a small file's text by its path.
pub fn suggest(names: &[&str], read: &mut dyn FnMut(&str) -> Option<String>) -> Vec<Suggestion> {
    let mut project = kinds::Project::new(names, read);
    project.all();
    let mut found = project.found;
    // Two kinds of project in one root may want the same name.
    for at in 1..found.len() {
        let (before, after) = found.split_at_mut(at);
        if let Some(one) = after.first_mut() {
            let wanted = one.name.clone();
            let mut number = 2;
            while before.iter().any(|other| other.name == one.name) {
                one.name = format!("{wanted}-{number}");
                number += 1;
            }
        }
    }
    found
}

/// The checks as they stand in a configuration file.
pub fn to_toml(suggestions: &[Suggestion]) -> String {
    let mut text = String::new();
    for one in suggestions {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let run = match &one.run {
            Run::Shell(line) => quoted(line),
            Run::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                format!("[{}]", words.join(", "))
            }
        };
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        let mut line = |args: std::fmt::Arguments<'_>| text.write_fmt(args).is_ok();
        line(format_args!(
            "# {}\n[[verify]]\n",
            one.why.replace('\n', " ")
        ));
        line(format_args!("name = {}\nrun = {run}\n", quoted(&one.name)));
        line(format_args!(
            "parse = \"{}\"\non = [\"{}\"]\n",
            one.parse, one.on
        ));
        if one.in_workspace {
            line(format_args!("where = \"workspace\"\n"));
        }
        if let Some(timeout) = one.timeout {
            line(format_args!("timeout = \"{timeout}\"\n"));
        }
        line(format_args!(
            "rule = \"{}\"\naction = \"suggest\"\n",
            one.rule
        ));
    }
    text
}

#[cfg(test)]
mod tests;
