//! Colour: when it is used, and the few colours there are.

use clap::ValueEnum;

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Decides. `no_color` is the value of `NO_COLOR`, which counts when it is not empty; `term` that of `TERM`.
    pub(crate) fn decide(
        self,
        terminal: bool,
        no_color: Option<&str>,
        term: Option<&str>,
    ) -> Style {
        let color = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        };
        Style { color }
    }
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    color: bool,
}

/// The colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

/// Back to plain.
pub(crate) const RESET: &str = "\x1b[0m";

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Red => "\x1b[31m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Cyan => "\x1b[36m",
        }
    }
}

impl Style {
    /// Never paints; what a test compares with.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { color: false };
    /// Always paints.
    #[cfg(test)]
    pub(crate) const COLOR: Self = Self { color: true };

    /// `text` in a colour.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if self.color {
            format!("{}{text}{RESET}", paint.code())
        } else {
            text.to_owned()
        }
    }

    /// What stands before painted bytes, and after them.
    pub(crate) fn around(self, paint: Paint) -> (&'static str, &'static str) {
        if self.color {
            (paint.code(), RESET)
        } else {
            ("", "")
        }
    }

    /// True when it paints.
    pub(crate) fn is_on(self) -> bool {
        self.color
    }
}
