//! `cargo xtask bench`: the release build of `aft` beside git and jj, the same work on the same tree in the same run.
//!
//! Does: make the trees, drive every peer through the same seeded edits, and print a table with ratios.
//! Does not: judge a figure beyond marking a missed goal; tune a peer beyond what its documentation says.
//!
//! Start reading at [`work::measure`]. Times are whole processes from start to reaped, unless the line says otherwise.

mod agents;
mod edits;
mod live;
mod machine;
mod options;
mod peer;
mod process;
mod sample;
mod socket;
mod table;
mod tiers;
mod tree;
mod verify;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::shell;
use agents::Agents;
use live::Live;
use options::Options;
use peer::Peer;
use peer::aft::Aft;
use peer::git::Git;
use peer::jj::Jj;
use table::Table;
use tiers::Tiers;
use tree::Tree;
use verify::Verify;

/// Runs the command. `false` when a figure could not be had.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<bool> {
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        shell::say(options::HELP);
        return Ok(true);
    }
    let options = Options::parse(arguments)?;
    let work = options
        .work
        .clone()
        .unwrap_or_else(|| root.join("target/bench"));
    shell::make_dir(&work)?;
    let work = work
        .canonicalize()
        .context("cannot find the work directory")?;
    let programs = Programs::find(root, &options)?;
    let sources = if options.trees.is_empty() {
        vec![tree::fetch_default(&work)?]
    } else {
        options.trees.clone()
    };

    let mut text = machine::describe(&work, &programs)?;
    let mut complete = true;
    for source in &sources {
        let source = source
            .canonicalize()
            .with_context(|| format!("cannot find {}", source.display()))?;
        let name = source
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let name = name.trim_start_matches("corpus-").to_owned();
        let tree = Tree::copy(&source, &name, &work.join("tree"))?;
        let table = measure_tree(&tree, &work, &programs, &options)?;
        complete &= table.is_complete();
        text.push_str(&table.markdown(&tree));
        text.push('\n');
    }
    if !options.keep {
        shell::remove_tree(&work.join("tree"))?;
    }
    shell::say(&text);
    if options.write {
        shell::write(
            &root.join("docs/BENCHMARKS.md"),
            format!("{}\n", text.trim_end()).as_bytes(),
        )?;
    }
    Ok(complete)
}

/// The programs that are measured.
pub(crate) struct Programs {
    aft: Option<PathBuf>,
    git: Option<PathBuf>,
    jj: Option<PathBuf>,
}

impl Programs {
    /// Builds `aft` unless one is named, and looks for the others.
    fn find(root: &Path, options: &Options) -> anyhow::Result<Self> {
        let wanted = |name: &str| options.peers.iter().any(|peer| peer == name);
        let find = |name: &str| wanted(name).then(|| process::find_program(name)).flatten();
        let aft = match &options.aft {
            _ if !wanted("aft") => None,
            Some(path) => Some(
                path.canonicalize()
                    .with_context(|| format!("cannot find {}", path.display()))?,
            ),
            None => {
                let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
                let status = shell::command(cargo)
                    .args(["build", "--release", "--locked", "-p", "aft-cli"])
                    .current_dir(root)
                    .status()
                    .context("cannot run cargo")?;
                ensure!(status.success(), "the release build failed");
                Some(root.join("target/release/aft"))
            }
        };
        let programs = Self {
            aft,
            git: find("git"),
            jj: find("jj"),
        };
        for (name, found) in [("git", &programs.git), ("jj", &programs.jj)] {
            if wanted(name) && found.is_none() {
                shell::say(&format!("{name} is not installed and left out"));
            }
        }
        Ok(programs)
    }
}

/// Drives every peer over one tree, one after the other.
fn measure_tree(
    tree: &Tree,
    work: &Path,
    programs: &Programs,
    options: &Options,
) -> anyhow::Result<Table> {
    let mut table = Table::default();
    if let Some(program) = &programs.aft {
        let mut aft = Aft::new(program.clone(), &tree.root, work.join("store-aft"));
        let measured = work::measure(&mut aft, tree, options, &mut table);
        let measured = match measured {
            Ok(()) if options.has_op("live") => Live::new(&mut aft, tree, &mut table).run(),
            other => other,
        };
        let measured = match measured {
            Ok(()) if options.has_op("agents") => Agents::new(&mut aft, tree, &mut table).run(),
            other => other,
        };
        let measured = match measured {
            Ok(()) if options.has_op("tiers") => {
                Tiers::new(&mut aft, tree, &mut table, options.operations).run()
            }
            other => other,
        };
        let measured = match measured {
            Ok(()) if options.has_op("verify") => Verify::new(&mut aft, tree, &mut table).run(),
            other => other,
        };
        finish(&mut aft, measured, &mut table, work, options)?;
    }
    if let Some(program) = &programs.git {
        let mut git = Git::new(program.clone(), &tree.root, work.join("store-git"));
        let measured = work::measure(&mut git, tree, options, &mut table);
        finish(&mut git, measured, &mut table, work, options)?;
    }
    if let Some(program) = &programs.jj {
        let mut jj = Jj::new(program.clone(), &tree.root, work.join("store-jj"));
        let measured = work::measure(&mut jj, tree, options, &mut table);
        finish(&mut jj, measured, &mut table, work, options)?;
    }
    Ok(table)
}

/// Closes a peer whatever happened, so that no daemon outlives the run.
fn finish(
    peer: &mut dyn Peer,
    measured: anyhow::Result<()>,
    table: &mut Table,
    work: &Path,
    options: &Options,
) -> anyhow::Result<()> {
    if let Err(error) = measured {
        table.fail(peer.name(), "the run", &error);
    }
    if let Err(error) = peer.close() {
        table.fail(peer.name(), "its end", &error);
    }
    if options.keep {
        Ok(())
    } else {
        shell::remove_tree(&work.join(format!("store-{}", peer.name())))
    }
}
