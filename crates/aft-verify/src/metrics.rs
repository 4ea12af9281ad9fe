//! How hard source text is to read: cyclomatic complexity, nesting and length of functions, maintainability of files.
//!
//! Does: measure one text at a time, for the languages of [`Language`]; say which functions are past the line.
//! Does not: read files, choose which ones to measure; judge a change (rule `quality` does, [`crate::judge()`]).

mod grammar;
mod walk;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use grammar::Grammar;

/// A function more complex than this is flagged.
pub const COMPLEXITY_FLAG: u32 = 10;

/// The longest text that is measured. What is longer was made by a program, for a program.
pub const SOURCE_MAX: usize = 512 << 10;
/// How often the parser may ask whether to go on, for each kilobyte and to begin with. Of 289 real files in all languages
/// the densest, minified, needed 18 for a kilobyte. Text that makes it guess more is given up.
const STEPS_PER_KB: usize = 80;
const STEPS_FREE: usize = 1_000;

/// What was measured in a state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub files: Vec<FileMetrics>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileMetrics {
    pub path: String,
    pub language: Language,
    /// Lines with code in them.
    pub code_lines: u32,
    /// The maintainability index, from 0 (nobody dares) to 100.
    pub maintainability: f64,
    pub functions: Vec<FunctionMetrics>,
}

/// One function, method or closure with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionMetrics {
    /// With what it is in: `Shape::area`, `Shape.area`.
    pub name: String,
    /// The line it begins on, from 1.
    pub line: u32,
    pub lines: u32,
    /// One more than the number of decisions.
    pub complexity: u32,
    /// How deep its decisions stand in each other.
    pub nesting: u32,
}

impl FunctionMetrics {
    /// Whether it is past [`COMPLEXITY_FLAG`].
    pub const fn is_flagged(&self) -> bool {
        self.complexity > COMPLEXITY_FLAG
    }
}

/// A language that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    Rust,
    Python,
    TypeScript,
    JavaScript,
    Go,
    C,
}

impl Language {
    /// The language of a file, by its name.
    pub fn of(path: &str) -> Option<Self> {
        let (stem, extension) = path.rsplit_once('.')?;
        if stem.is_empty() || stem.ends_with('/') {
            return None;
        }
        Some(match extension {
            "rs" => Self::Rust,
            "py" | "pyi" => Self::Python,
            "ts" | "mts" | "cts" | "tsx" => Self::TypeScript,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "go" => Self::Go,
            "c" | "h" => Self::C,
            _ => return None,
        })
    }
}

/// Why a text was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    #[error("this is no language that can be measured")]
    Language,
    #[error("it has more than {SOURCE_MAX} bytes")]
    TooLarge,
    #[error("its parser could not make sense of it within its limit")]
    TooHard,
    #[error("the measurement was stopped")]
    Stopped,
}

/// Measures one text. `go_on` is asked now and then, at least every few milliseconds; `false` ends the measurement.
///
/// # Errors
/// Where there is nothing to say about the text. That is no complaint about it.
pub fn measure(
    path: &str,
    source: &[u8],
    go_on: &mut dyn FnMut() -> bool,
) -> Result<FileMetrics, Unmeasured> {
    let language = Language::of(path).ok_or(Unmeasured::Language)?;
    if source.len() > SOURCE_MAX {
        return Err(Unmeasured::TooLarge);
    }
    let grammar = Grammar::of(language, path);
    let tree = parse(grammar, source, go_on)?;
    let found = walk::walk(&tree, source, grammar, go_on)?;
    Ok(FileMetrics {
        path: path.to_owned(),
        language,
        code_lines: found.code_lines,
        maintainability: found.maintainability(),
        functions: found.functions,
    })
}

/// A tree, within the parser's limit.
fn parse(
    grammar: &Grammar,
    source: &[u8],
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Tree, Unmeasured> {
    let mut parser = Parser::new();
    parser
        .set_language(&grammar.language)
        .map_err(|_incompatible| Unmeasured::Language)?;
    let mut left = STEPS_FREE + source.len() / 1024 * STEPS_PER_KB;
    let mut why = Unmeasured::TooHard;
    let mut progress = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            return ControlFlow::Break(());
        }
        if !go_on() {
            why = Unmeasured::Stopped;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut input = |offset: usize, _| source.get(offset..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut input, None, Some(options));
    tree.ok_or(why)
}

#[cfg(test)]
mod tests;
