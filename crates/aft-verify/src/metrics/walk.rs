//! One walk over a tree, which counts.
//!
//! Does: decisions, nesting, lines and tokens of each function, in the order of the text, without recursion.
//! Does not: know a language ([`super::grammar`]).

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use tree_sitter::{Node, Tree};

use super::grammar::{Grammar, Role};
use super::{FunctionMetrics, Unmeasured};
use crate::report::{NAME_MAX, shorten};

/// Functions that are kept of one file.
const FUNCTIONS_MAX: usize = 10_000;
/// Nodes between two questions whether to go on.
const ASK_EVERY: usize = 4_096;

/// What a walk found.
pub(super) struct Found {
    pub(super) functions: Vec<FunctionMetrics>,
    pub(super) code_lines: u32,
    /// For each function, or for the file where it has none: volume, complexity, lines.
    measured: Vec<(f64, u32, u32)>,
}

impl Found {
    /// The index of Oman and Hagemeister over the means of all functions, from 0 to 100.
    pub(super) fn maintainability(&self) -> f64 {
        let count = self.measured.len().max(1) as f64;
        let mean = |of: fn(&(f64, u32, u32)) -> f64| {
            let sum: f64 = self.measured.iter().map(of).sum();
            sum / count
        };
        let volume = mean(|one| one.0).max(1.0);
        let complexity = mean(|one| f64::from(one.1));
        let lines = mean(|one| f64::from(one.2)).max(1.0);
        let index = 171.0 - 5.2 * volume.ln() - 0.23 * complexity - 16.2 * lines.ln();
        (index * 100.0 / 171.0).clamp(0.0, 100.0)
    }
}

/// Walks a tree.
pub(super) fn walk(
    tree: &Tree,
    source: &[u8],
    grammar: &Grammar,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Found, Unmeasured> {
    let mut walker = Walker {
        source,
        grammar,
        way: Vec::new(),
        open: vec![Open::file()],
        containers: Vec::new(),
        lines: Lines::default(),
        functions: Vec::new(),
        measured: Vec::new(),
    };
    let mut cursor = tree.walk();
    let mut nodes = 0_usize;
    loop {
        nodes += 1;
        if nodes.is_multiple_of(ASK_EVERY) && !go_on() {
            return Err(Unmeasured::Stopped);
        }
        let node = cursor.node();
        let inside = walker.enter(node);
        if inside && cursor.goto_first_child() {
            continue;
        }
        loop {
            walker.leave();
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return Ok(walker.finish());
            }
        }
    }
}

/// A function that is being read, or the file around all of them.
struct Open {
    metrics: FunctionMetrics,
    /// Of the function so far; a `match` without arms may take one away.
    decisions: i64,
    depth: u32,
    tokens: u64,
    distinct: HashSet<u64>,
    lines: Lines,
}

impl Open {
    fn new(name: String, node: &Node<'_>) -> Self {
        let (first, last) = (node.start_position().row, node.end_position().row);
        Self {
            metrics: FunctionMetrics {
                name,
                line: small(first + 1),
                lines: small(last - first + 1),
                complexity: 1,
                nesting: 0,
            },
            ..Self::file()
        }
    }

    fn file() -> Self {
        Self {
            metrics: FunctionMetrics {
                name: String::new(),
                line: 1,
                lines: 0,
                complexity: 1,
                nesting: 0,
            },
            decisions: 0,
            depth: 0,
            tokens: 0,
            distinct: HashSet::new(),
            lines: Lines::default(),
        }
    }

    /// Halstead's: so many tokens, of so many kinds.
    fn volume(&self) -> f64 {
        self.tokens as f64 * (self.distinct.len().max(1) as f64).log2()
    }
}

/// Lines with code in them, told in the order of the text.
#[derive(Default)]
struct Lines {
    count: u32,
    next: usize,
}

impl Lines {
    fn add(&mut self, first: usize, last: usize) {
        let first = first.max(self.next);
        if last >= first {
            self.count = self.count.saturating_add(small(last - first + 1));
            self.next = last + 1;
        }
    }
}

/// A node on the way, and what has to be undone when it is left.
#[derive(Clone, Copy, Default)]
struct Step<'t> {
    /// The node itself: asking a tree for a parent is a search from its root.
    node: Option<Node<'t>>,
    role: Role,
    kind: u16,
    is_function: bool,
    nests: bool,
    is_container: bool,
}

struct Walker<'a, 't> {
    source: &'a [u8],
    grammar: &'a Grammar,
    /// The nodes from the root to where the walk is.
    way: Vec<Step<'t>>,
    /// The functions around it, the file first.
    open: Vec<Open>,
    containers: Vec<String>,
    lines: Lines,
    functions: Vec<FunctionMetrics>,
    measured: Vec<(f64, u32, u32)>,
}

impl<'t> Walker<'_, 't> {
    /// Comes to a node; whether to look inside.
    fn enter(&mut self, node: Node<'t>) -> bool {
        let role = self.grammar.role(node.kind_id());
        let parent = self.way.last().copied().unwrap_or_default();
        let weight = self.weight(&node, role, parent);
        let step = self.step(node, role, parent);
        if let Some(open) = self.open.last_mut() {
            open.decisions += weight;
            open.depth += u32::from(step.nests);
            open.metrics.nesting = open.metrics.nesting.max(open.depth);
        }
        self.way.push(step);
        let (is_code, is_opaque) = (role != Role::Comment, role == Role::Opaque);
        if is_code && (is_opaque || node.child_count() == 0) {
            self.token(&node);
        }
        is_code && !is_opaque
    }

    /// Opens what a node opens.
    fn step(&mut self, node: Node<'t>, role: Role, parent: Step<'t>) -> Step<'t> {
        let mut step = Step {
            node: Some(node),
            role,
            kind: node.kind_id(),
            ..Step::default()
        };
        match role {
            Role::Function => step.is_function = self.open_function(&node, true),
            Role::FunctionValue => step.is_function = self.open_function(&node, false),
            Role::Container => {
                let name = self.field(&node, "name");
                let name = name.or_else(|| self.field(&node, "type"));
                // `Shape<T>` is known as `Shape`.
                let name = name.unwrap_or_default();
                let bare = name.split('<').next().unwrap_or_default();
                self.containers.push(bare.to_owned());
                step.is_container = true;
            }
            Role::Branch => {
                let goes_on = parent.kind == step.kind && node.kind() == "if_statement";
                step.nests = parent.role != Role::Else && !goes_on;
            }
            Role::Nest | Role::Match => step.nests = true,
            _ => {}
        }
        step
    }

    /// How many ways through the function a node adds.
    fn weight(&self, node: &Node<'_>, role: Role, parent: Step<'t>) -> i64 {
        let decides = match role {
            Role::Branch | Role::Flat => true,
            Role::With(field) => node.child_by_field_name(field).is_some(),
            Role::Case => node
                .named_child(0)
                .is_some_and(|pattern| self.text(&pattern) != b"_"),
            Role::Operator => parent.role == Role::Binary,
            Role::Match => return -1,
            _ => false,
        };
        i64::from(decides)
    }

    /// A function begins. One that is a value and has no name belongs to the function around it, if there is one.
    fn open_function(&mut self, node: &Node<'_>, is_named: bool) -> bool {
        let own = if is_named {
            self.own_name(node)
        } else {
            self.given_name(node)
        };
        let name = match own {
            Some(own) => self.full_name(own),
            None if is_named || self.open.len() == 1 => "(unnamed)".to_owned(),
            None => return false,
        };
        self.open.push(Open::new(shorten(&name, NAME_MAX), node));
        true
    }

    fn full_name(&self, own: String) -> String {
        let around = self.containers.iter().map(String::as_str);
        let named = around.filter(|name| !name.is_empty());
        let mut parts: Vec<&str> = named.collect();
        parts.push(&own);
        parts.join(self.grammar.joint)
    }

    /// The name in a function's own head.
    fn own_name(&self, node: &Node<'_>) -> Option<String> {
        if let Some(name) = self.field(node, "name") {
            let receiver = self.field(node, "receiver");
            return Some(match receiver.as_deref().and_then(receiver_type) {
                Some(receiver) => format!("{receiver}.{name}"),
                None => name,
            });
        }
        // C: `int *name(int a)` has it at the bottom of its declarators.
        let mut declarator = node.child_by_field_name("declarator")?;
        for _ in 0..16 {
            match declarator.child_by_field_name("declarator") {
                Some(below) => declarator = below,
                None => break,
            }
        }
        Some(self.plain(&declarator))
    }

    /// The name of what a function is given to: `const name = () => 1`, `{ name: function () {} }`.
    fn given_name(&self, node: &Node<'_>) -> Option<String> {
        let parent = self.way.last()?.node?;
        ["name", "key", "left"]
            .iter()
            .find_map(|field| parent.child_by_field_name(field))
            .filter(|name| name.id() != node.id())
            .map(|name| self.plain(&name))
    }

    fn field(&self, node: &Node<'_>, field: &str) -> Option<String> {
        node.child_by_field_name(field)
            .map(|name| self.plain(&name))
    }

    fn plain(&self, node: &Node<'_>) -> String {
        let text = self.text(node);
        let text = text.get(..NAME_MAX).unwrap_or(text);
        String::from_utf8_lossy(text).into_owned()
    }

    fn text(&self, node: &Node<'_>) -> &[u8] {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    /// A word of the language or of the program.
    fn token(&mut self, node: &Node<'_>) {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let text = self.source.get(node.byte_range()).unwrap_or_default();
        let (first, mut last) = (node.start_position().row, node.end_position().row);
        // What ends at the beginning of a line, such as a line's own end, is not on that line.
        if last > first && node.end_position().column == 0 {
            last -= 1;
        }
        if text.is_empty() {
            return;
        }
        self.lines.add(first, last);
        if let Some(open) = self.open.last_mut() {
            open.tokens += 1;
            open.distinct.insert(hasher.hash_one(text));
            open.lines.add(first, last);
        }
    }

    fn leave(&mut self) {
        let Some(step) = self.way.pop() else { return };
        if step.is_container {
            self.containers.pop();
        }
        if step.nests
            && let Some(open) = self.open.last_mut()
        {
            open.depth -= 1;
        }
        if step.is_function
            && let Some(open) = self.open.pop()
        {
            self.close(open);
        }
    }

    fn close(&mut self, mut open: Open) {
        open.metrics.complexity = u32::try_from(1 + open.decisions.max(0)).unwrap_or(u32::MAX);
        let lines = open.lines.count;
        self.measured
            .push((open.volume(), open.metrics.complexity, lines));
        if self.functions.len() < FUNCTIONS_MAX {
            self.functions.push(open.metrics);
        }
    }

    fn finish(mut self) -> Found {
        if self.measured.is_empty() {
            while let Some(open) = self.open.pop() {
                let lines = open.lines.count;
                self.measured.push((open.volume(), 1, lines));
            }
        }
        self.functions.sort_by_key(|function| function.line);
        Found {
            functions: self.functions,
            code_lines: self.lines.count,
            measured: self.measured,
        }
    }
}

/// `Shape` in Go's `(s *Shape[T])`.
fn receiver_type(receiver: &str) -> Option<&str> {
    let inner = receiver.trim_matches(['(', ')']);
    let named = inner.split('[').next()?;
    let last = named.rsplit([' ', '*']).next()?;
    (!last.is_empty()).then_some(last)
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
