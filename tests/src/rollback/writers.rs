//! Programs that save while files are put back. Each writes tokens that exist once, and notes a token when the call
//! that wrote it has returned.
//!
//! A file only ever grows under its writer, so a token may be missing from a version only if that version is older,
//! or if somebody put older bytes back; then the version that was displaced must be in the history.
//! Does not judge.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use aft_testkit::sim::Rng;

/// The length of a token, and of what every file begins with.
pub(super) const TOKEN_LEN: usize = 16;
/// What every file begins with.
pub(super) const HEADER: [u8; TOKEN_LEN] = *b"as it was before";
/// How long a file is whose pages are written.
pub(super) const MAPPED_LEN: usize = 128 * 1024;

pub(super) type Token = [u8; TOKEN_LEN];

/// How a program saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Opened for each token, written at its end, closed.
    InPlace,
    /// Read, written whole to another name, renamed over.
    AtomicSave,
    /// Opened once for many tokens, which are appended.
    HeldAppend,
    /// Mapped once for many tokens, and synced after each.
    Mapped,
}

/// One program and its file.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) how: How,
    pub(super) path: PathBuf,
    pub(super) number: usize,
}

/// The pause between two tokens: as long as `stop` says nothing, and at most some milliseconds.
fn goes_on(stop: &Receiver<()>, rng: &mut Rng) -> bool {
    let pause = Duration::from_micros(rng.below(6_000));
    matches!(stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}

impl Writer {
    /// Saves until it is told to stop. Every token whose write returned.
    pub(super) fn run(&self, stop: &Receiver<()>, mut rng: Rng) -> Vec<Token> {
        let mut tokens = Vec::new();
        if self.how == How::Mapped {
            return self.map(stop);
        }
        let mut held: Option<(File, usize)> = None;
        while goes_on(stop, &mut rng) {
            let token = self.token(tokens.len());
            let saved = match self.how {
                How::InPlace => append_in_place(&self.path, &token),
                How::AtomicSave => save(&self.path, &token),
                How::HeldAppend | How::Mapped => {
                    let (mut file, left) = match held.take() {
                        Some(held) => held,
                        None => {
                            let opened = OpenOptions::new().append(true).open(&self.path);
                            (opened.expect("the file is always there"), 1 + rng.index(40))
                        }
                    };
                    let written = file.write_all(&token);
                    held = (left > 1).then_some((file, left - 1));
                    written
                }
            };
            match saved {
                Ok(()) => tokens.push(token),
                // A rollback takes the temporary file of a save with it where a fence saw it.
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
            }
        }
        tokens
    }

    fn token(&self, n: usize) -> Token {
        format!("w{:02}-{n:011}\n", self.number)
            .into_bytes()
            .try_into()
            .expect("sixteen bytes")
    }

    /// Rust maps nothing without `unsafe`; this is another program anyway.
    fn map(&self, stop: &Receiver<()>) -> Vec<Token> {
        let started = Command::new("python3")
            .args(["-c", MAPPER])
            .arg(&self.path)
            .arg(self.number.to_string())
            .arg(MAPPED_LEN.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            println!("SKIPPED: no python3, so nobody maps a file");
            return Vec::new();
        };
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let reader = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .map(|line| {
                    format!("{line}\n")
                        .into_bytes()
                        .try_into()
                        .expect("a token")
                })
                .collect()
        });
        // Nothing is ever sent: an end of the channel is an end of the program's input.
        stop.recv().unwrap_or_default();
        drop(child.stdin.take());
        drop(child.wait());
        reader.join().expect("the tokens are read")
    }
}

const MAPPER: &str = r"
import mmap, random, select, sys
path, number, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance, n = random.Random(number), 0
while True:
    with open(path, 'r+b') as file, mmap.mmap(file.fileno(), size) as pages:
        for _ in range(chance.randrange(1, 30)):
            n += 1
            if select.select([sys.stdin], [], [], chance.random() * 0.006)[0] or 16 * (n + 1) > size:
                sys.exit(0)
            token = 'w%02d-%011d\n' % (number, n)
            pages[16 * n:16 * (n + 1)] = token.encode()
            pages.flush()
            print(token, end='', flush=True)
";

fn append_in_place(path: &Path, token: &Token) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(token)
}

fn save(path: &Path, token: &Token) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut bytes = std::fs::read(path)?;
    bytes.extend_from_slice(token);
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)
}
