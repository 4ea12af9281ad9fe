//! Figures and the table they make.
//!
//! Does: keep figures in the order they came, with the goal of each, and write them as Markdown.
//! Does not: measure.

mod goals;

use std::fmt::Write as _;

use super::tree::Tree;
use goals::{GOALS, MIB};

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds; less is better.
    Seconds,
    /// Bytes; less is better.
    Bytes,
    /// Part of the tree's own bytes; less is better.
    Ratio,
    /// Percent; less is better.
    Percent,
    /// Things; more is better.
    Count,
    /// Bytes in a second; more is better.
    Rate,
}

/// One line of the table.
struct Row {
    what: String,
    unit: Unit,
    values: Vec<(String, f64)>,
}

/// The figures of one tree.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    failures: Vec<String>,
}

/// One measurement of a section, by its name.
type Measurement<S> = (&'static str, fn(&mut S) -> anyhow::Result<()>);

/// Takes each measurement of a section. A figure that cannot be had is said and left out; the others still count.
pub(crate) fn measure_each<S>(
    section: &mut S,
    table: fn(&mut S) -> &mut Table,
    measurements: &[Measurement<S>],
) {
    for (name, measure) in measurements {
        crate::shell::say(&format!("aft: {name}"));
        if let Err(error) = measure(section) {
            table(section).fail("aft", name, &error);
        }
    }
}

impl Table {
    /// Adds a peer's figure to the line called `what`.
    pub(crate) fn record(&mut self, what: &str, unit: Unit, peer: &str, value: f64) {
        crate::shell::say(&format!("{peer:4} {:>10}  {what}", format(unit, value)));
        let row = match self.rows.iter_mut().find(|row| row.what == what) {
            Some(row) => row,
            None => {
                self.rows.push(Row {
                    what: what.to_owned(),
                    unit,
                    values: Vec::new(),
                });
                let Some(row) = self.rows.last_mut() else {
                    return;
                };
                row
            }
        };
        row.values.push((peer.to_owned(), value));
    }

    /// Notes a figure that could not be had.
    pub(crate) fn fail(&mut self, peer: &str, what: &str, error: &anyhow::Error) {
        crate::shell::complain(&format!("{peer}: {what}: {error:#}"));
        // The reason names places of this machine; it was said, and does not belong into the document.
        self.failures.push(format!("{peer}: {what}"));
    }

    /// True when every figure could be had.
    pub(crate) fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// The table in Markdown.
    pub(crate) fn markdown(&self, tree: &Tree) -> String {
        let mut text = format!(
            "## {}: {} files, {} directories, {:.1} MB\n\n| | aft | git | jj | git ÷ aft | jj ÷ aft | at least | aim |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n",
            tree.name,
            tree.n_files,
            tree.n_dirs,
            bytes_as_float(tree.bytes) / 1e6
        );
        for row in &self.rows {
            let cell = |peer: &str| {
                row.value(peer)
                    .map_or("–".to_owned(), |value| format(row.unit, value))
            };
            let goal = goal(&row.what, tree.is_large());
            let goals = goal.map_or(("–".to_owned(), "–".to_owned()), |(least, aim)| {
                (format(row.unit, least), format(row.unit, aim))
            });
            let written = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.what,
                marked(row, goal),
                cell("git"),
                cell("jj"),
                row.times("git"),
                row.times("jj"),
                goals.0,
                goals.1
            );
            debug_assert!(written.is_ok(), "a String takes every text");
        }
        for failure in &self.failures {
            text.push_str(&format!("\nNot measured: {failure}\n"));
        }
        text
    }
}

impl Row {
    fn value(&self, peer: &str) -> Option<f64> {
        self.values
            .iter()
            .find(|(name, _)| name == peer)
            .map(|(_, value)| *value)
    }

    /// How many times a peer needs what we need.
    fn times(&self, peer: &str) -> String {
        match (self.value(peer), self.value("aft")) {
            (Some(theirs), Some(ours)) if ours > 0.0 => digits(theirs / ours),
            _ => "–".to_owned(),
        }
    }
}

/// Our figure; bold where it misses what we hold ourselves to.
fn marked(row: &Row, goal: Option<(f64, f64)>) -> String {
    let Some(value) = row.value("aft") else {
        return "–".to_owned();
    };
    let text = format(row.unit, value);
    let misses = goal.is_some_and(|(least, _)| {
        if matches!(row.unit, Unit::Count | Unit::Rate) {
            value < least
        } else {
            value > least
        }
    });
    if misses { format!("**{text}**") } else { text }
}

fn goal(what: &str, large: bool) -> Option<(f64, f64)> {
    let (_, medium, big) = GOALS.iter().find(|(name, _, _)| *name == what)?;
    if large { *big } else { *medium }
}

/// Three digits.
fn digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Three digits and a unit.
fn format(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds if value >= 1.0 => format!("{} s", digits(value)),
        Unit::Seconds => format!("{} ms", digits(value * 1e3)),
        Unit::Bytes if value >= MIB => format!("{} MiB", digits(value / MIB)),
        Unit::Bytes if value >= 10_000.0 => format!("{} KiB", digits(value / 1024.0)),
        Unit::Bytes => format!("{value:.0} B"),
        Unit::Ratio => format!("{value:.3}"),
        Unit::Percent => format!("{value:.3} %"),
        Unit::Count => format!("{value:.0}"),
        Unit::Rate => format!("{} MB/s", digits(value / 1e6)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures are rounded for people")]
fn bytes_as_float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests;
