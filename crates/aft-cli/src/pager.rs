//! The pager: `$PAGER`, else `less -FRX`.

use std::io::{self, BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A running pager that reads what is written here.
pub(crate) struct Pager {
    child: Child,
    /// `None` once everything was written.
    stdin: Option<BufWriter<ChildStdin>>,
}

impl Pager {
    /// `None` where the user wants none (`PAGER` empty or `cat`) or none can be started.
    pub(crate) fn start() -> Option<Self> {
        let mut command = match std::env::var_os("PAGER") {
            Some(pager) if pager.is_empty() || pager == "cat" => return None,
            Some(pager) => {
                // As git does it: the variable is a command line, not the name of a program.
                let mut shell = new_command("/bin/sh");
                shell.arg("-c").arg(pager);
                shell
            }
            None => {
                let mut less = new_command("less");
                less.arg("-FRX");
                less
            }
        };
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let stdin = child.stdin.take().map(BufWriter::new);
        Some(Self { child, stdin })
    }

    /// Closes its input and waits until the user leaves it.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        if let Some(mut stdin) = self.stdin.take() {
            ignore_closed(stdin.flush())?;
        }
        self.child.wait().map(drop)
    }
}

impl Drop for Pager {
    fn drop(&mut self) {
        // After an error the terminal still belongs to the pager until the user leaves it.
        let _left = self.wait();
    }
}

/// A user who leaves the pager early has seen enough.
fn ignore_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin
            .as_mut()
            .map_or(Ok(bytes.len()), |stdin| stdin.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin
            .as_mut()
            .map_or(Ok(()), |stdin| ignore_closed(stdin.flush()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pager takes over this very terminal and environment, which a scrubbed child cannot"
)]
fn new_command(program: &str) -> Command {
    Command::new(program)
}
