//! Which files hold secrets, by their names: keys, credentials, environment files.
//!
//! Does: answer for a path, by a list that is built in and patterns that are added to it.
//! Does not: look at contents, or know what happens to a secret. A copy under another name is not recognised, except the
//! copies that editors make beside a file while they save it.

#[cfg(test)]
mod tests;

use crate::RelPath;

/// What is a secret unless it is said otherwise, in the order in which it is looked up: the last pattern that fits decides.
const BUILT_IN: &[&str] = &[
    // Environment files; the ones that are made to be shared are not.
    ".env*",
    "*.env",
    "!.env*.example",
    "!.env*.sample",
    "!.env*.template",
    "!.env*.dist",
    "!*.env.example",
    "!*.env.sample",
    "!*.env.template",
    "!*.env.dist",
    "!.environment.y*ml",
    // Private keys and where they are kept.
    "*.pem",
    "*.key",
    "*.ppk",
    "*.p8",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdb",
    "*.kdbx",
    "*.ovpn",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".ssh/",
    ".gnupg/",
    "!id_*.pub",
    // Credentials of programs.
    "credentials*",
    "!credentials*.rs",
    "!credentials*.py",
    "!credentials*.go",
    "!credentials*.js",
    "!credentials*.jsx",
    "!credentials*.ts",
    "!credentials*.tsx",
    "!credentials*.vue",
    "!credentials*.rb",
    "!credentials*.c",
    "!credentials*.h",
    "!credentials*.cc",
    "!credentials*.cpp",
    "!credentials*.hpp",
    "!credentials*.cs",
    "!credentials*.java",
    "!credentials*.kt",
    "!credentials*.swift",
    "!credentials*.php",
    "!credentials*.ex",
    "!credentials*.md",
    "!credentials*.html",
    "!credentials*.css",
    ".git-credentials",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".dockercfg",
    ".docker/config.json",
    ".aws/credentials",
    ".kube/config",
    "kubeconfig",
    ".config/gh/hosts.yml",
    ".terraformrc",
    ".vault_pass*",
    ".vault-token",
    "service-account*.json",
    "service_account*.json",
    "secrets.json",
    "secrets.toml",
    "secrets.yml",
    "secrets.yaml",
    ".secrets",
    "*.tfstate",
    "*.tfstate.backup",
    "*.tfvars",
];

/// Endings and beginnings of the copies that editors and tools make beside a file.
const COPY_ENDS: &[&[u8]] = &[
    b"~",
    b"#",
    b".swp",
    b".swo",
    b".swx",
    b".swn",
    b".bak",
    b".backup",
    b".orig",
    b".old",
    b".save",
    b".tmp",
    b".temp",
    b".new",
    b".part",
    b".rej",
    b"___jb_tmp___",
    b"___jb_old___",
];
const COPY_BEGINS: &[&[u8]] = &[b".#", b"#", b"."];
/// So many of them may be put on one name.
const DECORATIONS_MAX: usize = 4;

/// Longer patterns are refused.
const PATTERN_BYTES_MAX: usize = 1024;

/// Why a text does not name secrets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` does not name files; write a name such as \"*.token\", a path's end such as \".app/login.json\", a directory such as \"private/\", or \"!\" before one that is no secret"
)]
pub struct SecretNameError(pub String);

/// The names of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNames {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// It says that what it fits is no secret.
    negated: bool,
    /// It fits everything beneath such a directory.
    beneath: bool,
    /// From the last one upwards.
    components: Vec<Box<[u8]>>,
}

impl Default for SecretNames {
    fn default() -> Self {
        let built_in = BUILT_IN.iter().filter_map(|text| Pattern::parse(text));
        Self {
            patterns: built_in.collect(),
        }
    }
}

impl SecretNames {
    /// Nothing is a secret.
    #[must_use]
    pub fn none() -> Self {
        Self {
            patterns: Vec::new(),
        }
    }

    /// What is built in, and `added` after it: what was added last decides.
    ///
    /// # Errors
    /// [`SecretNameError`] for the first that names nothing.
    pub fn with(added: &[String]) -> Result<Self, SecretNameError> {
        let mut names = Self::default();
        for text in added {
            let pattern = Pattern::parse(text).ok_or_else(|| SecretNameError(text.clone()))?;
            names.patterns.push(pattern);
        }
        Ok(names)
    }

    /// What is built in, for documentation.
    #[must_use]
    pub fn built_in() -> &'static [&'static str] {
        BUILT_IN
    }

    /// True where nothing is a secret.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the file (or link) at `path` is a secret.
    #[must_use]
    pub fn is_secret(&self, path: &RelPath) -> bool {
        self.is_secret_bytes(path.as_bytes())
    }

    /// As [`Self::is_secret`], for a path that is only looked up.
    #[must_use]
    pub fn is_secret_bytes(&self, path: &[u8]) -> bool {
        if self.patterns.is_empty() || path.is_empty() {
            return false;
        }
        let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => path.split_at_checked(at + 1).unwrap_or_default(),
            None => (&[][..], path),
        };
        if self.decides(above, name) {
            return true;
        }
        // A copy is a secret where what it is a copy of is one.
        let mut name = name;
        for _ in 0..DECORATIONS_MAX {
            let Some(plainer) = undecorated(name) else {
                return false;
            };
            if self.decides(above, plainer) || self.decides(above, without_begin(plainer)) {
                return true;
            }
            name = plainer;
        }
        false
    }

    /// What the last pattern that fits says.
    fn decides(&self, above: &[u8], name: &[u8]) -> bool {
        let mut patterns = self.patterns.iter().rev();
        let found = patterns.find(|pattern| pattern.fits(above, name));
        found.is_some_and(|pattern| !pattern.negated)
    }
}

/// The name without one more of what a copy has at its end.
fn undecorated(name: &[u8]) -> Option<&[u8]> {
    let cut = COPY_ENDS.iter().find_map(|end| name.strip_suffix(*end));
    // `name.tmp.1234`, as programs write that replace a file whole.
    let cut = cut.or_else(|| {
        let at = name.windows(5).rposition(|five| five == b".tmp.")?;
        name.get(..at)
    });
    let cut = cut.or_else(|| name.strip_prefix(b".#"));
    cut.filter(|rest| !rest.is_empty())
}

fn without_begin(name: &[u8]) -> &[u8] {
    let begins = COPY_BEGINS.iter();
    let mut stripped = begins.filter_map(|begin| name.strip_prefix(*begin));
    stripped.next().unwrap_or(name)
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let (negated, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (beneath, text) = match text.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX || text.contains('\0') {
            return None;
        }
        let mut components = Vec::new();
        for component in text.rsplit('/') {
            if matches!(component, "" | "." | "..") {
                return None;
            }
            components.push(component.as_bytes().into());
        }
        Some(Self {
            negated,
            beneath,
            components,
        })
    }

    /// Whether it fits the file `name` in the directory `above`, which ends with `/` or is the root.
    fn fits(&self, above: &[u8], name: &[u8]) -> bool {
        let above = above.strip_suffix(b"/").unwrap_or(above);
        if !self.beneath {
            let Some((last, rest)) = self.components.split_first() else {
                return false;
            };
            return wild(last, name) && ends_with(above, rest);
        }
        let mut dir = above;
        while !dir.is_empty() {
            if ends_with(dir, &self.components) {
                return true;
            }
            let at = dir.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            dir = dir.get(..at).unwrap_or_default();
        }
        false
    }
}

/// Whether the last components of `dir` are `wanted`, which goes from the last one upwards.
fn ends_with(dir: &[u8], wanted: &[Box<[u8]>]) -> bool {
    let mut components = dir.rsplit(|byte| *byte == b'/').filter(|c| !c.is_empty());
    wanted
        .iter()
        .all(|wanted| components.next().is_some_and(|found| wild(wanted, found)))
}

/// Whether a name fits a pattern with `*` and `?`; case does not count, because on some disks it does not either.
fn wild(pattern: &[u8], name: &[u8]) -> bool {
    // Nearly every name ends here.
    let is_ruled_out = |wanted: Option<&u8>, found: Option<&u8>| {
        wanted.is_some_and(|wanted| {
            !matches!(wanted, b'*' | b'?')
                && !found.is_some_and(|found| wanted.eq_ignore_ascii_case(found))
        })
    };
    if is_ruled_out(pattern.last(), name.last()) || is_ruled_out(pattern.first(), name.first()) {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on when what follows the last `*` does not fit: one byte further.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                again = Some((rest, name));
                pattern = rest;
            }
            (Some((wanted, pattern_rest)), Some((found, name_rest)))
                if *wanted == b'?' || wanted.eq_ignore_ascii_case(found) =>
            {
                (pattern, name) = (pattern_rest, name_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after, from)) = again else {
                    return false;
                };
                let Some((_, from)) = from.split_first() else {
                    return false;
                };
                again = Some((after, from));
                (pattern, name) = (after, from);
            }
        }
    }
}
