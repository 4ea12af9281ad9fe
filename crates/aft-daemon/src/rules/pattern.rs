//! One line of an ignore file, with git's semantics: `parse_path_pattern` and `wildmatch`, on bytes.

/// Longer lines are no patterns. Bounds the recursion of [`wildmatch`], which is at most one level for two bytes.
const LINE_BYTES_MAX: usize = 2048;

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Without `!`, leading and trailing slash.
    glob: Box<[u8]>,
    /// It began with `!`.
    pub(super) negated: bool,
    /// It ended with a slash.
    pub(super) dir_only: bool,
    /// It has a slash elsewhere, so it is compared with the path and not with the name.
    anchored: bool,
    /// How many bytes at the beginning of `glob` stand for themselves.
    head_len: usize,
    /// How many at its end do; what they are compared with must end so, whatever a `*` before them takes.
    tail_len: usize,
}

/// How a pattern can be looked up.
pub(super) enum Form<'a> {
    /// A whole name without wildcards.
    Name(&'a [u8]),
    /// `*.ext` with one dot: the part from the dot.
    Extension(&'a [u8]),
    /// Anything else.
    Other,
}

impl Pattern {
    /// Reads a line; `None` for blank lines and comments.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        if line.first() == Some(&b'#') || line.len() > LINE_BYTES_MAX {
            return None;
        }
        let line = trim_spaces(line);
        let (negated, line) = match line.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (dir_only, line) = match line.strip_suffix(b"/") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        if line.is_empty() {
            return None;
        }
        let anchored = line.contains(&b'/');
        let glob = line.strip_prefix(b"/").unwrap_or(line);
        let head_len = glob.iter().position(is_special).unwrap_or(glob.len());
        Some(Self {
            glob: glob.into(),
            negated,
            dir_only,
            anchored,
            head_len,
            tail_len: tail_len(glob),
        })
    }

    pub(super) fn form(&self) -> Form<'_> {
        if self.anchored {
            return Form::Other;
        }
        if !self.glob.iter().any(is_special) {
            return Form::Name(&self.glob);
        }
        match self.glob.strip_prefix(b"*") {
            Some(rest)
                if rest.starts_with(b".")
                    && !rest.iter().skip(1).any(|b| *b == b'.' || is_special(b)) =>
            {
                Form::Extension(rest)
            }
            _ => Form::Other,
        }
    }

    /// What cheaply rules the pattern out: the first and last byte of all it can match, as far as they are
    /// certain, and whether that is a path from the file's directory.
    pub(super) fn ends(&self) -> (Option<u8>, Option<u8>, bool) {
        let first = self.glob.first().filter(|_| self.head_len > 0);
        let last = self.glob.last().filter(|_| self.tail_len > 0);
        (first.copied(), last.copied(), self.anchored)
    }

    /// Whether the pattern names the entry, negated or not.
    pub(super) fn matches(&self, path: &[u8], name: &[u8], is_dir: bool) -> bool {
        if self.dir_only && !is_dir {
            return false;
        }
        let text = if self.anchored { path } else { name };
        let head = self.glob.get(..self.head_len).unwrap_or_default();
        if !text.starts_with(head) {
            return false;
        }
        if head.len() == self.glob.len() {
            return head.len() == text.len();
        }
        let tail = self
            .glob
            .get(self.glob.len() - self.tail_len..)
            .unwrap_or_default();
        text.ends_with(tail) && wildmatch(&self.glob, text, self.anchored) == Outcome::Match
    }

    /// True when the pattern names a path of which `dir` is a proper beginning. One that begins with `**`
    /// could match anywhere and therefore says nothing about this directory.
    pub(super) fn reaches_into(&self, dir: &[u8]) -> bool {
        if !self.anchored || self.negated || self.glob.starts_with(b"**") {
            return false;
        }
        let mut wanted = self.glob.split(|b| *b == b'/');
        for component in dir.split(|b| *b == b'/') {
            match wanted.next() {
                Some(b"**") => return true,
                Some(glob) if wildmatch(glob, component, true) == Outcome::Match => {}
                _ => return false,
            }
        }
        wanted.next().is_some()
    }
}

/// How many bytes at the end of a pattern stand for themselves.
fn tail_len(glob: &[u8]) -> usize {
    // Where a class or an escape begins and ends is not worth finding out.
    if glob.iter().any(|byte| matches!(byte, b'[' | b'\\')) {
        return 0;
    }
    let tail_len = glob
        .iter()
        .rev()
        .take_while(|byte| !is_special(byte))
        .count();
    let (before, tail) = glob
        .split_at_checked(glob.len() - tail_len)
        .unwrap_or_default();
    // `**/` may stand for nothing, and then there is no slash.
    if before.ends_with(b"**") && tail.starts_with(b"/") {
        tail_len - 1
    } else {
        tail_len
    }
}

/// Drops spaces at the end, except one that a backslash protects. Tabs stay, as in git.
fn trim_spaces(line: &[u8]) -> &[u8] {
    let mut keep = 0;
    let mut escaped = false;
    for (index, byte) in line.iter().enumerate() {
        if escaped || *byte != b' ' {
            keep = index + 1;
        }
        escaped = !escaped && *byte == b'\\';
    }
    line.get(..keep).unwrap_or(line)
}

fn is_special(byte: &u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// What comparing a pattern with a text can tell; the two kinds of giving up cut the search short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Match,
    Differs,
    /// The text ended: no later starting point can match either.
    Exhausted,
    /// A slash stands in the way that only `**` could cross.
    NeedsDoubleStar,
}

/// Git's `wildmatch`. With `by_path`, `*`, `?` and classes do not match `/`, and `**` between slashes does.
fn wildmatch(pattern: &[u8], text: &[u8], by_path: bool) -> Outcome {
    compare(pattern, pattern, text, by_path)
}

/// `whole` is the pattern from its beginning, needed to see what stands before a `**`.
fn compare<'p>(whole: &'p [u8], mut pattern: &'p [u8], mut text: &[u8], by_path: bool) -> Outcome {
    while let Some((wanted, after)) = pattern.split_first() {
        if *wanted == b'*' {
            return star(whole, after, text, by_path);
        }
        let Some((found, rest)) = text.split_first() else {
            return Outcome::Exhausted;
        };
        pattern = after;
        match *wanted {
            b'?' => {
                if by_path && *found == b'/' {
                    return Outcome::Differs;
                }
            }
            b'[' => match class(after, *found) {
                Some((true, after)) if !(by_path && *found == b'/') => pattern = after,
                Some(_) => return Outcome::Differs,
                None => return Outcome::Exhausted,
            },
            b'\\' => match after.split_first() {
                Some((escaped, after)) if escaped == found => pattern = after,
                _ => return Outcome::Differs,
            },
            _ => {
                if wanted != found {
                    return Outcome::Differs;
                }
            }
        }
        text = rest;
    }
    if text.is_empty() {
        Outcome::Match
    } else {
        Outcome::Differs
    }
}

/// Continues after a `*`; `pattern` begins behind it.
fn star<'p>(whole: &'p [u8], pattern: &'p [u8], mut text: &[u8], by_path: bool) -> Outcome {
    let mut pattern = pattern;
    let mut crosses = !by_path;
    if pattern.first() == Some(&b'*') {
        let before_len = whole.len().saturating_sub(pattern.len() + 1);
        let opens = before_len == 0 || whole.get(before_len - 1) == Some(&b'/');
        while let Some((b'*', after)) = pattern.split_first() {
            pattern = after;
        }
        let closes = pattern.is_empty() || pattern.starts_with(b"/") || pattern.starts_with(b"\\/");
        if by_path {
            crosses = opens && closes;
        }
        // `**/` may stand for no directory at all.
        if crosses
            && by_path
            && let Some(after) = pattern.strip_prefix(b"/")
            && compare(whole, after, text, by_path) == Outcome::Match
        {
            return Outcome::Match;
        }
    }
    let Some(next) = pattern.first() else {
        let blocked = !crosses && text.contains(&b'/');
        return if blocked {
            Outcome::NeedsDoubleStar
        } else {
            Outcome::Match
        };
    };
    if !crosses && *next == b'/' {
        // One star before a slash takes the rest of this component, and nothing else can.
        return match text
            .iter()
            .position(|b| *b == b'/')
            .and_then(|at| text.get(at..))
        {
            Some(rest) => compare(whole, pattern, rest, by_path),
            None => Outcome::Exhausted,
        };
    }
    while let Some((found, rest)) = text.split_first() {
        let hopeless = !is_special(next) && next != found;
        if !hopeless {
            match compare(whole, pattern, text, by_path) {
                Outcome::Differs => {}
                Outcome::NeedsDoubleStar if crosses => {}
                told => return told,
            }
        }
        if !crosses && *found == b'/' {
            return Outcome::NeedsDoubleStar;
        }
        text = rest;
    }
    Outcome::Exhausted
}

/// Whether `found` is in the class that `pattern` begins with (behind the `[`), and what follows the class.
/// `None` where the class does not end.
fn class(pattern: &[u8], found: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern.split_first()? {
        (b'!' | b'^', after) => (true, after),
        _ => (false, pattern),
    };
    let mut matched = false;
    let mut previous: Option<u8> = None;
    let mut first = true;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match *byte {
            b']' if !first => return Some((matched != negated, rest)),
            b'-' if previous.is_some() && rest.first().is_some_and(|b| *b != b']') => {
                let (mut high, mut after) = rest.split_first()?;
                if *high == b'\\' {
                    (high, after) = after.split_first()?;
                }
                matched |= previous.is_some_and(|low| (low..=*high).contains(&found));
                rest = after;
                previous = None;
            }
            b'[' if rest.first() == Some(&b':') => {
                let close = rest.iter().skip(1).position(|b| *b == b']')? + 1;
                let (inner, after) = rest.split_at_checked(close)?;
                match inner
                    .strip_prefix(b":")
                    .and_then(|inner| inner.strip_suffix(b":"))
                {
                    Some(name) => {
                        matched |= named_class(name, found)?;
                        rest = after.get(1..)?;
                        previous = None;
                    }
                    // No closing `:]`: the bracket is an ordinary member.
                    None => {
                        matched |= found == b'[';
                        previous = Some(b'[');
                    }
                }
            }
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                matched |= *escaped == found;
                previous = Some(*escaped);
                rest = after;
            }
            byte => {
                matched |= byte == found;
                previous = Some(byte);
            }
        }
        first = false;
    }
}

/// `[:alpha:]` and the like, in the C locale. `None` for a name that does not exist: the pattern matches nothing.
fn named_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
