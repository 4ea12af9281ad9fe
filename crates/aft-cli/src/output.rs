//! Where results go: standard output, a pager on a terminal, or memory in a test.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use crate::color::{ColorChoice, Style};
use crate::pager::Pager;

enum Sink {
    Stdout(BufWriter<Stdout>),
    Pager(Pager),
    #[cfg(test)]
    Captured(Vec<u8>),
}

/// A command's standard output.
pub(crate) struct Output {
    sink: Sink,
    style: Style,
    terminal: bool,
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout(choice: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        let no_color = std::env::var("NO_COLOR").ok();
        let term = std::env::var("TERM").ok();
        let style = choice.decide(terminal, no_color.as_deref(), term.as_deref());
        Self {
            sink: Sink::Stdout(BufWriter::with_capacity(64 * 1024, io::stdout())),
            style,
            terminal,
        }
    }

    /// Memory.
    #[cfg(test)]
    pub(crate) fn captured() -> Self {
        Self {
            sink: Sink::Captured(Vec::new()),
            style: Style::PLAIN,
            terminal: false,
        }
    }

    /// What was captured so far.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        match &self.sink {
            Sink::Captured(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            Sink::Stdout(_) | Sink::Pager(_) => panic!("not captured"),
        }
    }

    /// From now on through a pager, if this is a terminal and a pager can be started.
    pub(crate) fn page(&mut self) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        self.flush()?;
        if let Some(pager) = Pager::start() {
            self.sink = Sink::Pager(pager);
        }
        Ok(())
    }

    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// True when a person reads it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes what is left and waits for the pager to be closed.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        match &mut self.sink {
            Sink::Pager(pager) => pager.wait(),
            Sink::Stdout(_) => Ok(()),
            #[cfg(test)]
            Sink::Captured(_) => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout.write(bytes),
            Sink::Pager(pager) => pager.write(bytes),
            #[cfg(test)]
            Sink::Captured(captured) => captured.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout.flush(),
            Sink::Pager(pager) => pager.flush(),
            #[cfg(test)]
            Sink::Captured(_) => Ok(()),
        }
    }
}
