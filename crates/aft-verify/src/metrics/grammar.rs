//! What the nodes of each language's grammar mean to a measurement.
//!
//! Does: say of each kind of node whether it decides, nests, is a function or contains some.
//! Does not: look at a text.
//!
//! A decision is what makes a second way through a function: a branch, a loop, a case, a handler, `&&` and `||`. Rust's `?`
//! is none, because a function is not harder to read for it; nor are a default case, an endless loop, an `else`. What a
//! macro is called with is not looked at: it is not the language yet.

use std::sync::LazyLock;

use super::Language;

/// What a node means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Plain,
    /// Not code.
    Comment,
    /// Code, whose inside is not looked at.
    Opaque,
    /// A function with a name of its own.
    Function,
    /// A function that is a value; it counts by itself if something names it.
    FunctionValue,
    /// Contains functions, and names them: a class, an `impl`.
    Container,
    /// A decision that nests what it holds.
    Branch,
    /// A decision that does not.
    Flat,
    /// A decision if the node has this field.
    With(&'static str),
    /// A case; a decision unless it takes everything.
    Case,
    /// Holds arms that are exhaustive: one less decides than there are.
    Match,
    /// Nests, and decides nothing.
    Nest,
    /// The branch below goes on with the one above.
    Else,
    /// What `&&` and `||` stand in when they mean what they say.
    Binary,
    /// `&&`, `||`.
    Operator,
}

/// A language, its nodes' roles by their number, and how it joins names.
pub(super) struct Grammar {
    pub(super) language: tree_sitter::Language,
    pub(super) joint: &'static str,
    roles: Vec<Role>,
}

type Roles = &'static [(&'static str, Role)];

const RUST: Roles = &[
    ("line_comment", Role::Comment),
    ("block_comment", Role::Comment),
    ("token_tree", Role::Opaque),
    ("function_item", Role::Function),
    ("impl_item", Role::Container),
    ("trait_item", Role::Container),
    ("if_expression", Role::Branch),
    ("while_expression", Role::Branch),
    ("for_expression", Role::Branch),
    ("loop_expression", Role::Nest),
    ("match_expression", Role::Match),
    ("match_arm", Role::Flat),
    ("match_pattern", Role::With("condition")),
    ("let_declaration", Role::With("alternative")),
    ("else_clause", Role::Else),
    ("binary_expression", Role::Binary),
    ("let_chain", Role::Binary),
];

const PYTHON: Roles = &[
    ("comment", Role::Comment),
    ("function_definition", Role::Function),
    ("class_definition", Role::Container),
    ("if_statement", Role::Branch),
    ("elif_clause", Role::Flat),
    ("for_statement", Role::Branch),
    ("while_statement", Role::Branch),
    ("try_statement", Role::Nest),
    ("except_clause", Role::Flat),
    ("except_group_clause", Role::Flat),
    ("match_statement", Role::Nest),
    ("case_clause", Role::Case),
    ("conditional_expression", Role::Flat),
    ("boolean_operator", Role::Flat),
    ("for_in_clause", Role::Flat),
    ("if_clause", Role::Flat),
];

const TYPESCRIPT: Roles = &[
    ("comment", Role::Comment),
    ("function_declaration", Role::Function),
    ("generator_function_declaration", Role::Function),
    ("method_definition", Role::Function),
    ("arrow_function", Role::FunctionValue),
    ("function_expression", Role::FunctionValue),
    ("generator_function", Role::FunctionValue),
    ("class_declaration", Role::Container),
    ("abstract_class_declaration", Role::Container),
    ("if_statement", Role::Branch),
    ("for_statement", Role::Branch),
    ("for_in_statement", Role::Branch),
    ("while_statement", Role::Branch),
    ("do_statement", Role::Branch),
    ("switch_statement", Role::Nest),
    ("switch_case", Role::Flat),
    ("catch_clause", Role::Branch),
    ("ternary_expression", Role::Flat),
    ("else_clause", Role::Else),
    ("binary_expression", Role::Binary),
];

const GO: Roles = &[
    ("comment", Role::Comment),
    ("function_declaration", Role::Function),
    ("method_declaration", Role::Function),
    ("func_literal", Role::FunctionValue),
    ("if_statement", Role::Branch),
    ("for_statement", Role::Branch),
    ("expression_switch_statement", Role::Nest),
    ("type_switch_statement", Role::Nest),
    ("select_statement", Role::Nest),
    ("expression_case", Role::Flat),
    ("type_case", Role::Flat),
    ("communication_case", Role::Flat),
    ("binary_expression", Role::Binary),
];

const C: Roles = &[
    ("comment", Role::Comment),
    ("function_definition", Role::Function),
    ("if_statement", Role::Branch),
    ("for_statement", Role::Branch),
    ("while_statement", Role::Branch),
    ("do_statement", Role::Branch),
    ("switch_statement", Role::Nest),
    ("case_statement", Role::With("value")),
    ("conditional_expression", Role::Flat),
    ("else_clause", Role::Else),
    ("binary_expression", Role::Binary),
];

/// Operators that decide, in every language that writes them so.
const OPERATORS: [&str; 3] = ["&&", "||", "??"];

impl Grammar {
    fn new(language: tree_sitter::Language, joint: &'static str, known: Roles) -> Self {
        let role = |kind: u16| {
            let name = language.node_kind_for_id(kind)?;
            if !language.node_kind_is_named(kind) {
                return OPERATORS.contains(&name).then_some(Role::Operator);
            }
            let found = known.iter().find(|(known, _)| *known == name)?;
            Some(found.1)
        };
        let count = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        let roles = (0..count).map(|kind| role(kind).unwrap_or_default());
        let roles = roles.collect();
        Self {
            language,
            joint,
            roles,
        }
    }

    /// The grammar of a language. A grammar is made when it is first asked for, which takes microseconds.
    pub(super) fn of(language: Language, path: &str) -> &'static Self {
        static RUST_IT: LazyLock<Grammar> =
            LazyLock::new(|| Grammar::new(tree_sitter_rust::LANGUAGE.into(), "::", RUST));
        static PYTHON_IT: LazyLock<Grammar> =
            LazyLock::new(|| Grammar::new(tree_sitter_python::LANGUAGE.into(), ".", PYTHON));
        static TYPESCRIPT_IT: LazyLock<Grammar> = LazyLock::new(|| {
            let language = tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into();
            Grammar::new(language, ".", TYPESCRIPT)
        });
        static TSX_IT: LazyLock<Grammar> = LazyLock::new(|| {
            let language = tree_sitter_typescript::LANGUAGE_TSX.into();
            Grammar::new(language, ".", TYPESCRIPT)
        });
        static GO_IT: LazyLock<Grammar> =
            LazyLock::new(|| Grammar::new(tree_sitter_go::LANGUAGE.into(), ".", GO));
        static C_IT: LazyLock<Grammar> =
            LazyLock::new(|| Grammar::new(tree_sitter_c::LANGUAGE.into(), ".", C));
        match language {
            Language::Rust => &RUST_IT,
            Language::Python => &PYTHON_IT,
            Language::TypeScript if !path.ends_with(".tsx") => &TYPESCRIPT_IT,
            // JavaScript is TypeScript without types, and with JSX.
            Language::TypeScript | Language::JavaScript => &TSX_IT,
            Language::Go => &GO_IT,
            Language::C => &C_IT,
        }
    }

    /// What a kind of node means.
    pub(super) fn role(&self, kind: u16) -> Role {
        self.roles
            .get(usize::from(kind))
            .copied()
            .unwrap_or_default()
    }
}
