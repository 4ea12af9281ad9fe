//! The command line's reference: the help of every command, as the binary prints it.
//!
//! Does: build the binary, and walk its commands by what its own help lists.
//! Does not: know any command by name.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use cargo_metadata::MetadataCommand;

use super::{NOTICE, tidy_text};
use crate::shell;

/// Deeper commands than `aft checkpoint list` do not exist; a help that lists itself must not run forever.
const DEPTH_MAX: usize = 3;

/// The page.
pub(super) fn page(root: &Path) -> anyhow::Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = shell::command(cargo)
        .args(["build", "--quiet", "-p", "aft-cli"])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "aft does not build");
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("`cargo metadata` failed")?;
    let binary = metadata
        .target_directory
        .join("debug/aft")
        .into_std_path_buf();
    let mut text = format!("{NOTICE}# Commands\n");
    walk(&binary, &[], &mut text)?;
    Ok(tidy_text(&text))
}

fn walk(binary: &Path, words: &[String], text: &mut String) -> anyhow::Result<()> {
    let help = help(binary, words)?;
    let title = std::iter::once("aft")
        .chain(words.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join(" ");
    text.push_str(&format!(
        "\n## `{title}`\n\n```text\n{}\n```\n",
        help.trim_end()
    ));
    if words.len() < DEPTH_MAX {
        for command in commands(&help) {
            let mut deeper = words.to_vec();
            deeper.push(command);
            walk(binary, &deeper, text)?;
        }
    }
    Ok(())
}

/// What `--help` prints, whatever the caller's environment and terminal are.
fn help(binary: &Path, words: &[String]) -> anyhow::Result<String> {
    let output = shell::command(binary)
        .args(words)
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    ensure!(
        output.status.success(),
        "`aft {} --help` ended with {}",
        words.join(" "),
        output.status
    );
    let text = String::from_utf8(output.stdout).context("the help is not UTF-8")?;
    ensure!(
        !text.trim().is_empty(),
        "`aft {} --help` prints nothing",
        words.join(" ")
    );
    Ok(text)
}

/// Names under the heading `Commands:`, without `help` itself.
pub(super) fn commands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        // A name stands two blanks in; a description that was wrapped stands deeper.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(|name| name.trim_end_matches(',').to_owned())
        .filter(|name| name != "help")
        .collect()
}
