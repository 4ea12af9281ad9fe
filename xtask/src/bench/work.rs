//! What every peer does on a tree: save it whole, save nothing, save edits, go back.
//!
//! Does: drive a [`Peer`] through seeded work and record the medians.
//! Does not: know which peer it is.

use std::time::Duration;

use anyhow::ensure;

use super::edits::{Churn, Random, edit, put_back, remember, rewrite};
use super::options::Options;
use super::peer::Peer;
use super::process;
use super::sample::Sample;
use super::table::{Table, Unit};
use super::tree::Tree;
use crate::shell;

/// Growth is small beside what a store allocates at once: it takes some edits to see it.
const N_GROWTH_EDITS: usize = 50;
/// Baselines are long; three are enough for a median.
const BASELINE_RUNS_MAX: usize = 3;
/// What every peer does: baseline, save nothing, save edits, go back.
pub(crate) fn measure(
    peer: &mut dyn Peer,
    tree: &Tree,
    options: &Options,
    table: &mut Table,
) -> anyhow::Result<()> {
    shell::say(&format!("{}: {}", tree.name, peer.method()));
    let n_baselines = if options.has_op("baseline") {
        options.runs.min(BASELINE_RUNS_MAX)
    } else {
        1
    };
    let mut baselines = Sample::default();
    for _ in 0..n_baselines {
        peer.close()?;
        peer.prepare()?;
        baselines.push(peer.baseline()?);
    }
    if options.has_op("baseline") {
        record(table, "first baseline", peer.name(), &baselines);
        store_part(
            peer,
            tree,
            "store after the baseline, of the tree's bytes",
            table,
        )?;
        if let Some(pid) = peer.daemon() {
            #[expect(clippy::cast_precision_loss, reason = "a figure with three digits")]
            let memory = process::memory(pid, "VmHWM")? as f64;
            table.record(
                "resident memory of the daemon after the baseline, largest",
                Unit::Bytes,
                peer.name(),
                memory,
            );
        }
    }
    if options.has_op("baseline") && peer.daemon().is_some() {
        wait_until_still(peer)?;
        store_part(
            peer,
            tree,
            "store after its background work, of the tree's bytes",
            table,
        )?;
    }
    // Times that are as new as the save itself make peers read files again: that is over after one more save.
    peer.save()?;
    shell::pause(Duration::from_millis(1100));
    peer.save()?;
    changes(peer, tree, options, table);
    Ok(())
}

/// The short operations. One figure that cannot be had does not cost the others.
fn changes(peer: &mut dyn Peer, tree: &Tree, options: &Options, table: &mut Table) {
    let mut attempt = |what: &str, table: &mut Table, work: Work<'_>| {
        if let Err(error) = work(&mut *peer, table) {
            table.fail(peer.name(), what, &error);
        }
    };
    if options.has_op("nochange") {
        attempt("nothing changed", table, &|peer, table| {
            let times: anyhow::Result<Sample> = (0..options.runs).map(|_| peer.save()).collect();
            record(table, "checkpoint, nothing changed", peer.name(), &times?);
            Ok(())
        });
    }
    for &count in &options.counts {
        if count + (count / 10).max(1) > tree.sources.len() {
            shell::say(&format!("{}: too few files for {count} edits", tree.name));
            continue;
        }
        if options.has_op("edit") {
            attempt("edits", table, &|peer, table| {
                saves(peer, tree, count, options.runs, table)
            });
        }
        if options.has_op("restore") {
            attempt("going back", table, &|peer, table| {
                restores(peer, tree, count, options.runs, table)
            });
        }
    }
    if options.has_op("growth") {
        attempt("growth", table, &|peer, table| growth(peer, tree, table));
    }
}

/// One kind of measurement on a peer.
type Work<'a> = &'a dyn Fn(&mut dyn Peer, &mut Table) -> anyhow::Result<()>;

fn store_part(peer: &dyn Peer, tree: &Tree, what: &str, table: &mut Table) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a ratio with three digits")]
    let part = peer.disk_use()? as f64 / tree.bytes.max(1) as f64;
    table.record(what, Unit::Ratio, peer.name(), part);
    Ok(())
}

/// Waits until the store has been of one size for some seconds.
fn wait_until_still(peer: &dyn Peer) -> anyhow::Result<()> {
    const STILL_S: u32 = 5;
    const PATIENCE_S: u32 = 300;
    let mut before = peer.disk_use()?;
    let mut still_s = 0;
    for _ in 0..PATIENCE_S {
        shell::pause(Duration::from_secs(1));
        let now = peer.disk_use()?;
        still_s = if now == before { still_s + 1 } else { 0 };
        before = now;
        if still_s == STILL_S {
            return Ok(());
        }
    }
    shell::complain(&format!(
        "{}: the store still changes after {PATIENCE_S} s",
        peer.name()
    ));
    Ok(())
}

/// Saves after `count` edits. Between two runs the files are put back, so that every peer sees the same.
fn saves(
    peer: &mut dyn Peer,
    tree: &Tree,
    count: usize,
    runs: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut times = Sample::default();
    for run in 0..runs {
        let mut random = Random::new(&format!("{}/save/{count}/{run}", tree.name));
        let originals = remember(&random.choose(&tree.sources, count))?;
        for file in &originals {
            edit(file, &format!("e{count}_{run}"), &mut random)?;
        }
        times.push(peer.save()?);
        put_back(&originals)?;
        peer.save()?;
    }
    record(
        table,
        &format!(
            "checkpoint after {count} {}",
            if count == 1 { "edit" } else { "edits" }
        ),
        peer.name(),
        &times,
    );
    Ok(())
}

/// Going back over `count` edited files, and a tenth as many deleted and new ones.
fn restores(
    peer: &mut dyn Peer,
    tree: &Tree,
    count: usize,
    runs: usize,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut times = Sample::default();
    for run in 0..runs {
        let mark = peer.mark()?;
        let mut random = Random::new(&format!("{}/back/{count}/{run}", tree.name));
        let churn = Churn::apply(
            &tree.sources,
            count,
            &format!("r{count}_{run}"),
            &mut random,
        )?;
        peer.save()?;
        let time = peer.restore(&mark);
        let wrong = churn.wrong();
        churn.undo()?;
        times.push(time?);
        ensure!(
            wrong == 0,
            "{} went back over {count} files and left {wrong} paths wrong",
            peer.name()
        );
        peer.save()?;
    }
    record(
        table,
        &format!(
            "go back over {count} {}",
            if count == 1 { "file" } else { "files" }
        ),
        peer.name(),
        &times,
    );
    Ok(())
}

/// What the store grows by for one line of a file of about 20 KB and its checkpoint, everything counted.
fn growth(peer: &mut dyn Peer, tree: &Tree, table: &mut Table) -> anyhow::Result<()> {
    let path = tree.root.join("aft-bench-growth.txt");
    let lines: Vec<String> = (0..450_u64)
        .map(|line| {
            format!(
                "line {line}: {:024x}\n",
                line.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
        })
        .collect();
    rewrite(&path, lines.concat().as_bytes())?;
    peer.save()?;
    let before = peer.disk_use()?;
    for number in 0..N_GROWTH_EDITS {
        let mut changed = lines.clone();
        if let Some(line) = changed.get_mut(number * 7) {
            *line = format!("changed in edit {number}\n");
        }
        rewrite(&path, changed.concat().as_bytes())?;
        peer.save()?;
    }
    let grown = peer.disk_use()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a figure with three digits")]
    let each = grown as f64 / N_GROWTH_EDITS as f64;
    table.record(
        "growth for a one-line edit of a 20 KB file and its checkpoint, without gc",
        Unit::Bytes,
        peer.name(),
        each,
    );
    shell::remove_file(&path)?;
    peer.save()?;
    Ok(())
}

fn record(table: &mut Table, what: &str, peer: &str, sample: &Sample) {
    if let Some(median) = sample.median() {
        table.record(what, Unit::Seconds, peer, median);
    }
}
