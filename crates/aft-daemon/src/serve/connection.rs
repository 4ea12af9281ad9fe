//! One connection: lines in, answers out, a ceiling on everything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::GoBackKind;
use aft_model::PlanId;
use aft_rpc::framing::LineBuffer;
use aft_rpc::message::{self, Incoming, Rejected};
use aft_rpc::types::hello::{HelloParams, HelloResult, Role};
use aft_rpc::{ErrorKind, Id, Request, Response, RpcError};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedWriteHalf, UCred};
use tokio::sync::mpsc;
use tracing::{debug, info};

use super::unsent::{BATCH_MAX, Line, Outgoing, Share, Taken};
use super::veil::Veil;
use super::{audited, calls, subscribe::Subscriptions, whose};
use crate::daemon::Daemon;
use crate::workspace::Workspace;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Requests of one connection under way at once.
const IN_FLIGHT_MAX: usize = 32;
/// Messages waiting to be written; an answer waits for room, a subscriber that has none is dropped.
const OUTGOING_MAX: usize = 64;
/// Plans remembered for a connection.
const PLANS_MAX: usize = 16;
/// A line must be complete this long after its first byte.
const PARTIAL_LINE: Duration = Duration::from_secs(10);
/// A message must be taken within this.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// What the calls of a connection share.
pub(crate) struct Peer {
    pub(crate) daemon: Arc<Daemon>,
    pub(crate) role: Role,
    /// Who was at the other end when the connection was made.
    pub(crate) cred: UCred,
    pub(crate) outgoing: Outgoing,
    /// Room for its answers.
    pub(crate) share: Share,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) plans: Plans,
    /// Ids that it is shown whole.
    pub(crate) veil: Arc<Veil>,
    /// Sessions that end with this connection.
    pub(crate) attached: Mutex<Vec<(Arc<Workspace>, String)>>,
}

impl Peer {
    /// Nanoseconds since the epoch.
    pub(crate) fn now_ns(&self) -> i64 {
        self.daemon.clock.wall_ns()
    }

    /// What a request names its client knows.
    fn know_named(&self, request: &Request) {
        if let Some(params) = request.params.as_deref()
            && self.role == Role::Agent
        {
            self.veil.know_named(params.get());
        }
    }
}

/// Plans this connection was shown, so that it can ask for just that one. The last few are remembered.
#[derive(Default)]
pub(crate) struct Plans(Mutex<VecDeque<(PlanId, GoBackKind)>>);

impl Plans {
    pub(crate) fn remember(&self, plan: PlanId, kind: GoBackKind) {
        let mut plans = self.0.lock();
        plans.push_back((plan, kind));
        while plans.len() > PLANS_MAX {
            plans.pop_front();
        }
    }

    pub(crate) fn recall(&self, plan: PlanId) -> Option<GoBackKind> {
        self.0
            .lock()
            .iter()
            .rev()
            .find(|(id, _)| *id == plan)
            .map(|(_, kind)| kind.clone())
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(daemon: Arc<Daemon>, role: Role, stream: UnixStream, cred: UCred) {
    let (reading, writing) = stream.into_split();
    let (outgoing, waiting) = Outgoing::with_room_for(OUTGOING_MAX);
    let veil = Arc::new(whose::veil(&daemon));
    let covers = (role == Role::Agent).then(|| Arc::clone(&veil));
    let mut writer = tokio::spawn(write(writing, waiting, covers));
    let share = Share::of(&daemon.unsent);
    let peer = Arc::new(Peer {
        daemon,
        share,
        role,
        cred,
        outgoing,
        subscriptions: Subscriptions::default(),
        plans: Plans::default(),
        veil,
        attached: Mutex::default(),
    });
    // Who takes no answers any more sends no questions either: reading alone would wait for ever.
    let (why, is_writing) = tokio::select! {
        why = read(reading.as_ref(), &peer) => (why, true),
        _ = &mut writer => ("answers were not taken", false),
    };
    debug!(role = role.as_str(), why, "connection ends");
    peer.subscriptions.end_all();
    calls::end_attached(&peer).await;
    drop(peer);
    if is_gone(reading.as_ref()) {
        // What it still waits for is for nobody, and its place is for the next.
        writer.abort();
    } else if is_writing {
        drop(tokio::time::timeout(WRITE_WITHIN, writer).await);
    }
}

/// Whether the other end is closed, rather than only done with asking.
fn is_gone(stream: &UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(stream, PollFlags::empty())];
    let at_once = Timespec::default();
    let found = poll(&mut polled, Some(&at_once));
    found.is_ok_and(|n_found| n_found > 0)
}

/// Every line goes through here, answers and events alike.
async fn write(
    mut stream: OwnedWriteHalf,
    mut waiting: mpsc::Receiver<Line>,
    covers: Option<Arc<Veil>>,
) {
    while let Some(mut line) = waiting.recv().await {
        if let Some(veil) = &covers {
            line.bytes = veil.cover(line.bytes);
        }
        match tokio::time::timeout(WRITE_WITHIN, stream.write_all(&line.bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => break,
        }
    }
}

async fn read(stream: &UnixStream, peer: &Arc<Peer>) -> &'static str {
    let mut lines = LineBuffer::new(message::MAX_LINE);
    let mut greeted = peer.role != Role::Control;
    let mut fds = Vec::new();
    // They outlive the reading: who has said all it wants to say still gets its answers.
    let (requests, asked) = mpsc::channel(1);
    tokio::spawn(answer_all(Arc::clone(peer), asked));
    let mut buffer = vec![0_u8; 64 * 1024];
    // When the line that has begun must be whole: more of it does not put that off.
    let mut due = None;
    loop {
        let got = if lines.is_empty() {
            due = None;
            receive(stream, &mut buffer, &mut fds).await
        } else {
            let due = *due.get_or_insert_with(|| tokio::time::Instant::now() + PARTIAL_LINE);
            match tokio::time::timeout_at(due, receive(stream, &mut buffer, &mut fds)).await {
                Ok(got) => got,
                Err(_) => return "a line was not finished in time",
            }
        };
        match got {
            Ok(0) => return "closed by the client",
            Ok(count) => lines.push(buffer.get(..count).unwrap_or(&[])),
            Err(_) => return "broken",
        }
        loop {
            let line = match lines.next_line() {
                Ok(Some(line)) => {
                    due = None;
                    line.to_vec()
                }
                Ok(None) => break,
                Err(_) => {
                    let error = RpcError::new(
                        ErrorKind::TooLarge,
                        "a request line has at most 1 MiB; send less at once",
                    );
                    drop(
                        peer.outgoing
                            .send(Response::err(Id::Null, error).to_line())
                            .await,
                    );
                    return "a line was too long";
                }
            };
            if !greeted {
                match greet_control(peer, &line, &fds) {
                    Ok(None) => {
                        return "another version; ending so that it can start its own daemon";
                    }
                    Ok(Some(answer)) => drop(peer.outgoing.send(answer).await),
                    Err(answer) => {
                        drop(peer.outgoing.send(answer).await);
                        return "no proof that it may write in the store";
                    }
                }
                greeted = true;
                continue;
            }
            if requests.send(line).await.is_err() {
                return "closing";
            }
        }
    }
}

async fn receive(
    stream: &UnixStream,
    buffer: &mut [u8],
    fds: &mut Vec<std::os::fd::OwnedFd>,
) -> std::io::Result<usize> {
    use std::os::fd::AsFd;
    loop {
        stream.readable().await?;
        let got = stream.try_io(Interest::READABLE, || {
            aft_rpc::ancillary::receive_with_fds(stream.as_fd(), buffer)
                .map_err(std::io::Error::from)
        });
        match got {
            Ok((count, mut passed)) => {
                fds.clear();
                fds.append(&mut passed);
                return Ok(count);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// The first line on `control.sock`: `hello` with a read-write open of `control.key`.
fn greet_control(
    peer: &Arc<Peer>,
    line: &[u8],
    fds: &[std::os::fd::OwnedFd],
) -> Result<Option<Vec<u8>>, Vec<u8>> {
    let request = match message::parse_incoming(line) {
        Incoming::Single(Ok(request)) => request,
        Incoming::Single(Err(rejected)) => return Err(Response::from(rejected).to_line()),
        Incoming::Batch(_) => return Err(forbidden(Id::Null)),
    };
    let id = request.id.clone().unwrap_or(Id::Null);
    let key = peer.daemon.paths.control_key();
    let proven = fds
        .iter()
        .any(|fd| aft_rpc::ancillary::is_read_write_open_of(fd, &key).unwrap_or(false));
    if request.method != "hello" || !proven {
        audited::turned_away(peer, &request);
        return Err(forbidden(id));
    }
    let theirs = request
        .params::<HelloParams>()
        .ok()
        .and_then(|params| params.version);
    if theirs.as_deref().is_some_and(|theirs| theirs != VERSION) {
        // A command of another version finds this daemon: it ends in good order without an answer, and the
        // command, seeing that, starts its own and asks again.
        info!(theirs, own = VERSION, "another version asks");
        peer.daemon.stopping.send_replace(true);
        return Ok(None);
    }
    Ok(Some(hello(peer, id, &request).to_line()))
}

fn forbidden(id: Id) -> Vec<u8> {
    let error = RpcError::new(
        ErrorKind::Forbidden,
        "control.sock takes `hello` first, with a read-write open of control.key passed along; use agent.sock or editor.sock",
    );
    Response::err(id, error).to_line()
}

fn hello(peer: &Peer, id: Id, request: &Request) -> Response {
    if let Err(error) = request.params::<HelloParams>() {
        return Response::err(id, error);
    }
    let result = HelloResult {
        version: VERSION.to_owned(),
        build: None,
        protocol: aft_rpc::PROTOCOL,
        instance: peer.daemon.instance.clone(),
        role: peer.role,
        capabilities: Vec::new(),
    };
    Response::ok(id, &result)
}

/// Answers the requests of one connection, on one task: whoever asks for much at once takes turns with the others,
/// and does not occupy a thread with each question.
async fn answer_all(peer: Arc<Peer>, mut asked: mpsc::Receiver<Vec<u8>>) {
    let mut in_flight = FuturesUnordered::new();
    let mut open = true;
    while open || !in_flight.is_empty() {
        tokio::select! {
            Some(()) = in_flight.next() => tokio::task::yield_now().await,
            line = asked.recv(), if open && in_flight.len() < IN_FLIGHT_MAX => match line {
                Some(line) => in_flight.push(answer(&peer, line)),
                None => open = false,
            },
        }
    }
}

async fn answer(peer: &Arc<Peer>, line: Vec<u8>) {
    let mut taken = Taken::default();
    let bytes = match message::parse_incoming(&line) {
        Incoming::Single(request) => {
            let response = one(peer, request, &mut taken).await;
            response.map(|response| response.to_line())
        }
        Incoming::Batch(requests) => {
            let responses = batch(peer, requests, &mut taken).await;
            (!responses.is_empty()).then(|| message::to_line(&responses))
        }
    };
    if let Some(bytes) = bytes {
        drop(peer.outgoing.send_holding(bytes, taken).await);
    }
}

/// Answers one after the other. They go in one line, so they share what one answer may take.
async fn batch(
    peer: &Arc<Peer>,
    requests: Vec<Result<Request, Rejected>>,
    taken: &mut Taken,
) -> Vec<Response> {
    let mut responses = Vec::with_capacity(requests.len());
    let mut len = 0;
    for request in requests {
        if len > BATCH_MAX {
            let id = request.ok().and_then(|request| request.id);
            responses.extend(id.map(|id| {
                let error = RpcError::new(
                    ErrorKind::TooLarge,
                    "the answers of this batch are too long together; ask for the rest apart",
                );
                Response::err(id, error)
            }));
            continue;
        }
        let response = one(peer, request, taken).await;
        let result = response
            .as_ref()
            .and_then(|response| response.result.as_ref());
        len += result.map_or(0, |raw| raw.get().len());
        taken.shrink_to(len);
        responses.extend(response);
    }
    responses
}

/// Answers a request; a notification gets no answer.
async fn one(
    peer: &Arc<Peer>,
    request: Result<Request, Rejected>,
    taken: &mut Taken,
) -> Option<Response> {
    let request = match request {
        Ok(request) => request,
        Err(rejected) => return Some(rejected.into()),
    };
    let id = request.id.clone();
    if request.method == "hello" {
        return id.map(|id| hello(peer, id, &request));
    }
    peer.know_named(&request);
    let noted = audited::begin(peer, &request);
    let result = calls::call(peer, &request, taken).await;
    if let Some(noted) = noted {
        noted.end(peer, &result).await;
    }
    let id = id?;
    Some(match result {
        Ok(raw) => Response {
            jsonrpc: message::Version,
            id,
            result: Some(raw),
            error: None,
        },
        Err(error) => Response::err(id, error),
    })
}
