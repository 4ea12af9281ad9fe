//! Whether a command line that a tool is about to run may take away what is in the workspace.
//!
//! Does: look through quotes, substitutions, wrappers and lists for commands that delete, overwrite or reset.
//! Does not: parse a shell. It errs towards yes: a name on a state costs one small record, and the history has
//! everything in any case.

/// As much of a command as is looked at.
const LOOKED_AT_MAX: usize = 16 * 1024;

/// Commands that take away by themselves.
const TAKES_AWAY: [&str; 8] = [
    "rm", "unlink", "shred", "truncate", "rimraf", "del-cli", "trash", "srm",
];

/// What deletes in a program given on the command line.
const IN_PROGRAMS: [&str; 9] = [
    "rmtree(",
    "rmSync(",
    "rmdirSync(",
    "unlinkSync(",
    "os.remove(",
    "os.unlink(",
    ".unlink(",
    "File.delete(",
    "remove_dir_all(",
];

/// What of `line` may take something away, such as `rm` or `git reset`; `None` where nothing in it looks like it.
#[must_use]
pub fn destructive(line: &str) -> Option<String> {
    let mut end = line.len().min(LOOKED_AT_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let line = line.get(..end).unwrap_or_default();
    // A quote may hold a command of its own (`sh -c "rm -rf x"`), or only part of a word (`r"m"`).
    [true, false]
        .into_iter()
        .find_map(|apart| in_words(&words(line, apart)))
        .or_else(|| {
            let found = IN_PROGRAMS.into_iter().find(|call| line.contains(call));
            found.map(|call| call.trim_end_matches('(').to_owned())
        })
}

/// The words of a line; what separates commands is a word of its own. A quote separates words or is left out.
fn words(line: &str, quotes_apart: bool) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in line.chars() {
        let word = match letter {
            ';' | '|' | '&' | '\n' | '(' | ')' | '{' | '}' | '`' | '$' => Some(";"),
            '\'' | '"' if quotes_apart => Some(""),
            letter if letter.is_whitespace() || letter == ',' || letter == '[' || letter == ']' => {
                Some("")
            }
            _ => None,
        };
        match (word, words.last_mut()) {
            (Some(between), _) => words.extend([between.to_owned(), String::new()]),
            (None, _) if matches!(letter, '\'' | '"' | '\\') => {}
            (None, Some(last)) => last.push(letter),
            (None, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn in_words(words: &[String]) -> Option<String> {
    words.iter().enumerate().find_map(|(at, word)| {
        let rest = words.get(at + 1..).unwrap_or_default();
        let command = word.rsplit('/').next().unwrap_or(word);
        // Arguments up to where the next command begins.
        let arguments: Vec<&str> = rest
            .iter()
            .map(String::as_str)
            .take_while(|word| *word != ";")
            .collect();
        by_name(command, &arguments)
    })
}

fn by_name(command: &str, arguments: &[&str]) -> Option<String> {
    let has = |wanted: &[&str]| arguments.iter().any(|word| wanted.contains(word));
    let short = |letter: char| {
        arguments
            .iter()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
    };
    let is = match command {
        name if TAKES_AWAY.contains(&name) => true,
        "git" => return in_git(arguments),
        "find" | "fd" | "fdfind" => has(&["-delete"]),
        "dd" => arguments.iter().any(|word| word.starts_with("of=")),
        "rsync" => arguments.iter().any(|word| word.starts_with("--del")),
        "mv" | "cp" => short('f') || has(&["--force"]),
        "make" | "gmake" | "ninja" => has(&["clean", "distclean", "mrproper", "maintainer-clean"]),
        "svn" => has(&["revert", "cleanup"]),
        "hg" => has(&["purge", "revert", "strip"]) || has(&["--clean", "-C"]),
        "jj" => has(&["restore", "abandon", "undo"]),
        "Remove-Item" | "rd" | "del" | "erase" => true,
        _ => false,
    };
    is.then(|| command.to_owned())
}

/// Git's commands that write over the work tree.
fn in_git(arguments: &[&str]) -> Option<String> {
    let takes_value = ["-C", "-c", "--git-dir", "--work-tree", "--namespace"];
    let mut words = arguments.iter();
    let verb = loop {
        let word = words.next()?;
        if takes_value.contains(word) {
            words.next()?;
        } else if !word.starts_with('-') {
            break *word;
        }
    };
    let rest: Vec<&str> = words.copied().collect();
    let has = |wanted: &[&str]| rest.iter().any(|word| wanted.contains(word));
    let forced = rest
        .iter()
        .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('f'));
    let is = match verb {
        "reset" => has(&["--hard", "--merge", "--keep"]),
        "clean" | "restore" | "rm" | "filter-branch" | "rebase" | "read-tree" => true,
        "checkout" => forced || has(&["--", ".", "--force", "--ours", "--theirs", "--patch", "-p"]),
        "switch" => forced || has(&["--force", "--discard-changes"]),
        "stash" => !has(&["list", "show", "create", "store"]),
        "merge" | "cherry-pick" | "revert" | "am" => has(&["--abort", "--quit"]),
        "worktree" => has(&["remove"]),
        "checkout-index" => forced || has(&["-a", "--all"]),
        _ => false,
    };
    is.then(|| format!("git {verb}"))
}

#[cfg(test)]
mod tests;
