//! TAP 12 to 14, with the subtests and the YAML of node's runner.
//!
//! Does: count a point with subtests as its subtests, unless it failed by itself; hold the plan against what came.
//! Does not: read the points a test prints at an indentation that is no subtest's.

use crate::read::Unreadable;
use crate::report::{Case, CaseOutcome, ENTRIES_MAX, MESSAGE_MAX, NAME_MAX, Report, shorten};

/// How deep subtests are read.
const DEPTH_MAX: usize = 12;
const FORMAT: &str = "TAP";

/// Reads the standard output.
pub(super) fn read(out: &str) -> Result<Report, Unreadable> {
    let mut reader = Reader::default();
    for line in out.lines() {
        reader.line(line)?;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    levels: Vec<Level>,
    count: usize,
    cut: bool,
    any: bool,
    /// Within a YAML block: where its lines begin, and whether the error's text is being read.
    yaml: Option<(usize, bool)>,
    /// A complaint of the language, in what a test file printed before its point.
    complaint: Option<String>,
    /// The depth of the last point, if the block below it describes a case.
    described: Option<usize>,
    report: Report,
}

/// The points of one depth that no point above them has taken yet.
#[derive(Default)]
struct Level {
    cases: Vec<Case>,
    points: usize,
    plan: Option<usize>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Unreadable> {
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if let Some((start, in_error)) = self.yaml {
            self.yaml(start, in_error, indent, text);
            return Ok(());
        }
        if text == "---" {
            self.yaml = self.any.then_some((indent, false));
            return Ok(());
        }
        let depth = indent / 4;
        if let Some(said) = text.strip_prefix("Bail out!") {
            return Err(malformed(format!("the run bailed out:{said}")));
        }
        if let Some(said) = text.strip_prefix("# ") {
            if is_syntax_error(said) {
                self.complaint = Some(shorten(said, MESSAGE_MAX));
            }
        } else if !indent.is_multiple_of(4) || depth >= DEPTH_MAX {
            self.cut |= depth >= DEPTH_MAX && point(text).is_some();
        } else if let Some((ok, rest)) = point(text) {
            self.any = true;
            self.point(depth, ok, rest);
        } else if let Some(plan) = plan(text) {
            self.any = true;
            if let Some(level) = self.level(depth) {
                level.plan = Some(plan);
            }
        }
        Ok(())
    }

    /// A line of a YAML block: `error: 'boom'`, or the lines below `error: |-`.
    fn yaml(&mut self, start: usize, in_error: bool, indent: usize, text: &str) {
        if text == "..." && indent <= start {
            self.yaml = None;
            return;
        }
        let is_key = indent == start && text.contains(": ");
        let in_error = in_error && !is_key;
        self.yaml = Some((start, in_error));
        let Some(case) = self
            .described
            .and_then(|depth| self.levels.get_mut(depth)?.cases.last_mut())
        else {
            return;
        };
        if let Some(said) = text.strip_prefix("error: ") {
            let is_block = said.starts_with('|') || said.starts_with('>');
            self.yaml = Some((start, is_block));
            if !is_block {
                case.message = Some(shorten(said.trim_matches('\''), MESSAGE_MAX));
            }
        } else if in_error {
            let message = case.message.get_or_insert_default();
            if message.len() + text.len() < MESSAGE_MAX {
                message.push_str(text);
                message.push('\n');
            }
        } else if let Some(millis) = text.strip_prefix("duration_ms: ") {
            case.seconds = millis.parse::<f64>().ok().map(|millis| millis / 1e3);
        }
    }

    fn level(&mut self, depth: usize) -> Option<&mut Level> {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        self.levels.get_mut(depth)
    }

    fn point(&mut self, depth: usize, ok: bool, rest: &str) {
        let (name, directive) = description(rest);
        let outcome = match directive {
            Some("skip" | "todo") => CaseOutcome::Skipped,
            _ if ok => CaseOutcome::Passed,
            _ => CaseOutcome::Failed,
        };
        let complaint = self.complaint.take();
        if outcome == CaseOutcome::Failed
            && is_file(&name)
            && let Some(complaint) = complaint
        {
            self.report.diagnostic(Some(&name), None, &complaint, true);
        }
        let below: Vec<Case> = self
            .levels
            .drain(self.levels.len().min(depth + 1)..)
            .flat_map(|level| level.cases)
            .collect();
        let by_itself = outcome == CaseOutcome::Failed
            && !below.iter().any(|case| case.outcome == CaseOutcome::Failed);
        let is_leaf = below.is_empty() || by_itself;
        self.count += usize::from(is_leaf);
        let full = self.count > ENTRIES_MAX;
        self.cut |= full;
        self.described = (is_leaf && !full).then_some(depth);
        let Some(level) = self.level(depth) else {
            return;
        };
        level.points += 1;
        level.cases.extend(below.into_iter().map(|mut case| {
            case.name = shorten(&format!("{name} > {}", case.name), NAME_MAX);
            case
        }));
        if is_leaf && !full {
            level.cases.push(Case {
                name,
                outcome,
                message: None,
                seconds: None,
            });
        }
    }

    fn finish(mut self) -> Result<Report, Unreadable> {
        if !self.any {
            return Err(Unreadable::Missing(FORMAT));
        }
        if let Some(top) = self.levels.first()
            && let Some(plan) = top.plan
            && plan != top.points
        {
            let points = top.points;
            return Err(malformed(format!("it plans {plan} tests and has {points}")));
        }
        // Subtests whose parent never came are counted by themselves.
        self.report.cases = self
            .levels
            .drain(..)
            .flat_map(|level| level.cases)
            .collect();
        self.report.cut |= self.cut;
        Ok(self.report)
    }
}

fn malformed(why: String) -> Unreadable {
    Unreadable::Malformed {
        format: FORMAT,
        why: shorten(&why, MESSAGE_MAX),
    }
}

/// `ok 1 - name` or `not ok 1 - name`: whether it passed, and what stands after the number.
fn point(text: &str) -> Option<(bool, &str)> {
    let (ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let unnumbered = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    Some((ok, unnumbered.trim_start()))
}

/// `1..7`, with a reason where nothing is planned.
fn plan(text: &str) -> Option<usize> {
    let count = text.strip_prefix("1..")?;
    count.split(' ').next()?.parse().ok()
}

/// The name, without what stands escaped in it, and the directive: `- name # SKIP later`.
fn description(rest: &str) -> (String, Option<&'static str>) {
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    let mut directive = None;
    let mut name = rest;
    if let Some((before, after)) = rest.rsplit_once(" # ") {
        let word = after.split([' ', ':']).next().unwrap_or_default();
        let word = word.to_ascii_lowercase();
        directive = ["skip", "todo"]
            .into_iter()
            .find(|known| word.starts_with(known));
        if directive.is_some() || word == "time" {
            name = before;
        }
    }
    let name = name.replace("\\#", "#").replace("\\\\", "\\");
    // A file is named by its whole path, which is another one in every scratch copy.
    let name = match name.rsplit_once('/') {
        Some((_, file)) if name.starts_with('/') && is_file(file) => file.to_owned(),
        _ => name,
    };
    (shorten(name.trim(), NAME_MAX), directive)
}

/// Whether a point stands for a whole file that could not be run.
fn is_file(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("js" | "mjs" | "cjs" | "ts" | "mts" | "cts"))
}

fn is_syntax_error(said: &str) -> bool {
    said.starts_with("SyntaxError: ") || said.contains("ERR_MODULE_NOT_FOUND")
}
