//! Ids of sessions and turns on `agent.sock`: whole where the client knows them, shortened where they are another's.
//!
//! Does: pass over every line that leaves a connection, answers and events alike, so that no method can forget it.
//! Does not: decide who may do what. Who knows an id may use it; this is why nobody is told another's.
//!
//! I1 What is shortened is found by the names of fields: `session`, `sessions`, `parent`, and `turn` beside a session that
//!    is another's. A new field that holds such an id needs its name in [`Key::named`]; a test of the protocol looks for
//!    whole ids in every answer.
//! I2 What clients keep with us (`metadata`) is given back as it came.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::Mutex;

/// Ids remembered for a connection; the oldest are forgotten, and shown shortened again.
const KNOWN_MAX: usize = 256;
/// Nothing longer is an id.
const ID_MAX: usize = 200;
/// Of what cannot be guessed in an id so much is shown, and never more than half.
const SHOWN: usize = 8;

/// Tells whether a session began this turn.
type IsTurnOf = dyn Fn(&str, &str) -> bool + Send + Sync;

/// What one connection knows.
#[derive(Default)]
pub(crate) struct Veil {
    known: Mutex<VecDeque<String>>,
    /// What a session did may be in the turn of the one that started it, which is not its own to know.
    is_turn_of: Option<Box<IsTurnOf>>,
}

impl Veil {
    /// One that asks whose a turn is.
    pub(crate) fn asking(is_turn_of: Box<IsTurnOf>) -> Self {
        Self {
            known: Mutex::default(),
            is_turn_of: Some(is_turn_of),
        }
    }

    /// This id is the client's own: it was given it, or named it.
    pub(crate) fn know(&self, id: &str) {
        if id.len() > ID_MAX {
            return;
        }
        let mut known = self.known.lock();
        if known.iter().any(|known| known == id) {
            return;
        }
        known.push_back(id.to_owned());
        if known.len() > KNOWN_MAX {
            known.pop_front();
        }
    }

    /// What a client names it knows: an id cannot be guessed, and one that is nobody's harms nobody.
    pub(crate) fn know_named(&self, params: &str) {
        let mut named = Vec::new();
        Scan::of(params.as_bytes(), |key, range, _| {
            if key != Key::Kept {
                named.push(range);
            }
        });
        for range in named {
            if let Some(id) = params.get(range) {
                self.know(id);
            }
        }
    }

    /// The line as this client sees it.
    pub(crate) fn cover(&self, line: Vec<u8>) -> Vec<u8> {
        let known = self.known.lock();
        let is_known = |range: &Range<usize>| {
            let id = line.get(range.clone()).unwrap_or_default();
            known.iter().any(|known| known.as_bytes() == id)
        };
        let mut found = Found::default();
        Scan::of(&line, |key, range, object| match key {
            Key::Session => {
                let is_own = is_known(&range);
                if is_own {
                    found.own.push((object, range));
                } else {
                    found.hidden.push(range);
                }
            }
            Key::Other if !is_known(&range) => found.hidden.push(range),
            Key::Turn if !is_known(&range) => found.turns.push((object, range)),
            _ => {}
        });
        drop(known);
        self.hide_turns(&line, &mut found);
        if found.hidden.is_empty() {
            return line;
        }
        without(&line, found.hidden)
    }

    /// A turn is its session's.
    fn hide_turns(&self, line: &[u8], found: &mut Found) {
        for (object, turn) in std::mem::take(&mut found.turns) {
            let session = found.own.iter().find(|(own, _)| *own == object);
            let is_own = session.is_some_and(|(_, session)| self.owns(line, session, &turn));
            if !is_own {
                found.hidden.push(turn);
            }
        }
        found.hidden.sort_by_key(|range| range.start);
    }

    fn owns(&self, line: &[u8], session: &Range<usize>, turn: &Range<usize>) -> bool {
        let text = |range: &Range<usize>| {
            let id = line.get(range.clone()).unwrap_or_default();
            std::str::from_utf8(id).unwrap_or_default()
        };
        let Some(is_turn_of) = &self.is_turn_of else {
            return true;
        };
        let is_own = is_turn_of(text(session), text(turn));
        if is_own {
            // It is not asked for each of its operations.
            self.know(text(turn));
        }
        is_own
    }
}

/// What is in a line.
#[derive(Default)]
struct Found {
    hidden: Vec<Range<usize>>,
    /// The client's own sessions, and the object in which each stands.
    own: Vec<(usize, Range<usize>)>,
    /// Turns that the client did not name.
    turns: Vec<(usize, Range<usize>)>,
}

/// The line with its hidden ids shortened.
fn without(line: &[u8], hidden: Vec<Range<usize>>) -> Vec<u8> {
    let mut covered = Vec::with_capacity(line.len());
    let mut from = 0;
    for range in hidden {
        let id = line.get(range.clone()).unwrap_or_default();
        let upto = range.start + shown(id);
        covered.extend_from_slice(line.get(from..upto).unwrap_or_default());
        from = range.end;
    }
    covered.extend_from_slice(line.get(from..).unwrap_or_default());
    covered
}

/// How much of an id is shown. What a client put before its first `:` says whose kind it is, and is no secret.
fn shown(id: &[u8]) -> usize {
    let open = id
        .iter()
        .position(|byte| *byte == b':')
        .map_or(0, |at| at + 1);
    open + SHOWN.min((id.len() - open) / 2)
}

/// What a string stands behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// The session that the object is about.
    Session,
    /// Another one that it names.
    Other,
    Turn,
    /// What a client keeps with us.
    Kept,
    Plain,
}

impl Key {
    fn named(name: &[u8]) -> Self {
        match name {
            b"session" => Self::Session,
            b"sessions" | b"parent" => Self::Other,
            b"turn" => Self::Turn,
            b"metadata" => Self::Kept,
            _ => Self::Plain,
        }
    }
}

/// One object or list that is open.
struct Frame {
    is_object: bool,
    /// The name before the value that comes next; what a list stands behind is behind each of its items.
    key: Key,
    /// A name comes next, not a value.
    is_at_name: bool,
    number: usize,
}

/// Goes over JSON that this program wrote or has read before, without making values of it.
struct Scan<V> {
    frames: Vec<Frame>,
    n_objects: usize,
    visit: V,
}

impl<V: FnMut(Key, Range<usize>, usize)> Scan<V> {
    /// Shows `visit` each string behind a name that matters: the name, where it is, and in which object.
    fn of(json: &[u8], visit: V) {
        let mut scan = Self {
            frames: Vec::new(),
            n_objects: 0,
            visit,
        };
        let mut at = 0;
        while let Some(byte) = json.get(at) {
            match byte {
                b'"' => {
                    let end = end_of_string(json, at + 1);
                    scan.string(json, at + 1..end);
                    at = end;
                }
                b'{' | b'[' => scan.open(*byte == b'{'),
                b'}' | b']' => drop(scan.frames.pop()),
                b',' => {
                    if let Some(top) = scan.frames.last_mut() {
                        top.is_at_name = top.is_object;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn open(&mut self, is_object: bool) {
        let above = self.frames.last().map_or(Key::Plain, |above| above.key);
        let key = match above {
            Key::Kept => Key::Kept,
            _ if is_object => Key::Plain,
            inherited => inherited,
        };
        self.n_objects += 1;
        self.frames.push(Frame {
            is_object,
            key,
            is_at_name: is_object,
            number: self.n_objects,
        });
    }

    fn string(&mut self, json: &[u8], range: Range<usize>) {
        let is_kept = self
            .frames
            .iter()
            .rev()
            .skip(1)
            .any(|above| above.key == Key::Kept);
        let Some(top) = self.frames.last_mut() else {
            return;
        };
        if top.is_at_name {
            top.is_at_name = false;
            top.key = Key::named(json.get(range).unwrap_or_default());
        } else if !is_kept && !matches!(top.key, Key::Plain | Key::Kept) {
            let (key, number) = (top.key, top.number);
            (self.visit)(key, range, number);
        }
    }
}

/// Where the quote is that ends a string.
fn end_of_string(json: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = json.get(at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
            return json.len();
        };
        at += found;
        if json.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests;
