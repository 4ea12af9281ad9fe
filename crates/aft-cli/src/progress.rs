//! What a command that takes long shows on standard error of a terminal: the bar of the first scan, or what is under way.
//!
//! Three uses: `aft watch` asks for the progress itself and shows it; any other command that waits for an
//! answer is accompanied by [`Accompanied`], which asks on a connection of its own once the wait is long, or, where the
//! daemon has a long piece of work to do that nothing counts, tells what it is and for how long it has been going on.

use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use aft_rpc::client::Client;
use aft_rpc::types::hello::{HelloParams, Role};
use aft_rpc::types::workspace::{Progress, WorkspaceState, WorkspaceStatusParams};
use aft_rpc::{Paths, WirePath};
use indicatif::{ProgressBar, ProgressStyle};

use crate::render::status::progress_line;

/// How long a command may be silent before it is looked what it waits for.
const SILENCE: Duration = Duration::from_millis(400);
/// How long a piece of work may take before it is said what it is.
const LONG: Duration = Duration::from_secs(1);
/// How often the bar is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// A bar that appears with the first progress there is.
pub(crate) struct ScanProgress {
    is_wanted: bool,
    bar: Option<ProgressBar>,
}

impl ScanProgress {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self {
            is_wanted: is_wanted && std::io::stderr().is_terminal(),
            bar: None,
        }
    }

    /// Draws how far it is.
    pub(crate) fn show(&mut self, progress: Option<&Progress>) {
        let (true, Some(progress)) = (self.is_wanted, progress) else {
            return;
        };
        let bar = self.bar.get_or_insert_with(new_spinner);
        // Bytes tell the time that is left better than files do. Until the whole is known there is no bar to fill.
        if let Some(total) = progress.bytes_total {
            if bar.length().is_none()
                && let Ok(style) =
                    ProgressStyle::with_template("first scan [{bar:30}] {msg}, {eta} left")
            {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_length(total.max(progress.bytes));
        }
        bar.set_position(progress.bytes);
        bar.set_message(progress_line(progress));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_spinner() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("first scan {spinner} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Draws the bar while another thread waits for an answer; ends when it is dropped.
pub(crate) struct Accompanied {
    /// Dropped first, which tells the thread to end.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Accompanied {
    /// `None` where nobody would see it.
    pub(crate) fn start(paths: &Paths, workspace: &WirePath) -> Option<Self> {
        let (paths, workspace) = (paths.clone(), workspace.clone());
        Self::spawn(move |stopped| accompany(&paths, workspace, stopped))
    }

    /// Tells `what` is under way once it takes long. `None` where nobody would see it.
    pub(crate) fn tell(what: &'static str) -> Option<Self> {
        Self::spawn(move |stopped| tell(what, stopped))
    }

    fn spawn(show: impl FnOnce(&Receiver<()>) + Send + 'static) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("aft-progress".to_owned())
            .spawn(move || show(&stopped))
            .ok()?;
        Some(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Accompanied {
    fn drop(&mut self) {
        self.stop = None;
        // Waited for, so that the bar is gone before the result is printed.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

fn is_over(stopped: &Receiver<()>, wait: Duration) -> bool {
    !matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

fn accompany(paths: &Paths, workspace: WirePath, stopped: &Receiver<()>) {
    if is_over(stopped, SILENCE) {
        return;
    }
    let hello = HelloParams {
        client: Some("aft".to_owned()),
        version: None,
        build: None,
    };
    let Ok(mut client) = Client::connect_as(paths, Role::Control, hello) else {
        return;
    };
    client.set_deadline(Some(Duration::from_secs(1)));
    let params = WorkspaceStatusParams {
        workspace,
        wait_ms: None,
    };
    let mut bar = ScanProgress::new(true);
    while let Ok(status) = client.call(&params) {
        if status.state != WorkspaceState::Arming {
            break;
        }
        bar.show(status.progress.as_ref());
        if is_over(stopped, REDRAW) {
            break;
        }
    }
    bar.finish();
}

fn tell(what: &'static str, stopped: &Receiver<()>) {
    if is_over(stopped, LONG) {
        return;
    }
    let bar = ProgressBar::no_length()
        .with_elapsed(LONG)
        .with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.tick();
    while !is_over(stopped, REDRAW) {
        bar.tick();
    }
    bar.finish_and_clear();
}
