//! What a supervisor is told to run, as bytes from one version of this program to itself.
//!
//! Does: write and read lists of byte strings. Does not: check what they mean.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Bounds, Command};

/// Longer orders are none of ours.
pub(super) const ORDER_MAX: u64 = 8 << 20;

pub(super) fn encode(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pairs = command.env.iter().map(|(name, value)| {
        let mut pair = name.as_bytes().to_vec();
        pair.push(b'=');
        pair.extend_from_slice(value.as_bytes());
        pair
    });
    put_list(&mut bytes, command.argv.iter().map(|word| word.as_bytes()));
    put_list(&mut bytes, pairs);
    let paths = |paths: &[PathBuf]| -> Vec<Vec<u8>> {
        let bytes = paths.iter().map(|path| path.as_os_str().as_bytes());
        bytes.map(<[u8]>::to_vec).collect()
    };
    put_list(&mut bytes, paths(&command.bounds.writable));
    put_list(&mut bytes, paths(&command.bounds.readable));
    put_list(&mut bytes, paths(&command.bounds.hidden));
    bytes.push(u8::from(command.bounds.unix_sockets));
    bytes.extend_from_slice(&command.umask.to_le_bytes());
    let millis = u64::try_from(command.timeout.as_millis()).unwrap_or(u64::MAX);
    bytes.extend_from_slice(&millis.to_le_bytes());
    bytes
}

pub(super) fn decode(mut bytes: &[u8]) -> Option<Command> {
    let rest = &mut bytes;
    let argv = list(rest)?.into_iter().map(OsString::from_vec).collect();
    let env = list(rest)?
        .iter()
        .map(|pair| split_pair(pair))
        .collect::<Option<Vec<_>>>()?;
    let paths = |list: Vec<Vec<u8>>| -> Vec<PathBuf> {
        let names = list.iter().map(|bytes| Path::new(OsStr::from_bytes(bytes)));
        names.map(Path::to_path_buf).collect()
    };
    let writable = paths(list(rest)?);
    let readable = paths(list(rest)?);
    let hidden = paths(list(rest)?);
    let (unix_sockets, after) = rest.split_first()?;
    *rest = after;
    let umask = u32::from_le_bytes(array(rest)?);
    let millis = u64::from_le_bytes(array(rest)?);
    rest.is_empty().then_some(Command {
        argv,
        env,
        timeout: Duration::from_millis(millis),
        umask,
        bounds: Bounds {
            writable,
            readable,
            hidden,
            unix_sockets: *unix_sockets != 0,
        },
    })
}

fn split_pair(pair: &[u8]) -> Option<(OsString, OsString)> {
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = pair.split_at_checked(at)?;
    let value = value.get(1..)?;
    Some((
        OsStr::from_bytes(name).to_owned(),
        OsStr::from_bytes(value).to_owned(),
    ))
}

fn put_list<T: AsRef<[u8]>>(bytes: &mut Vec<u8>, items: impl IntoIterator<Item = T>) {
    let items: Vec<T> = items.into_iter().collect();
    put_len(bytes, items.len());
    for item in items {
        put_len(bytes, item.as_ref().len());
        bytes.extend_from_slice(item.as_ref());
    }
}

fn put_len(bytes: &mut Vec<u8>, len: usize) {
    // What does not fit is longer than any order may be, and is refused as such.
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&len.to_le_bytes());
}

fn list(rest: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = u32::from_le_bytes(array(rest)?);
    let mut items = Vec::new();
    for _ in 0..count {
        let len = usize::try_from(u32::from_le_bytes(array(rest)?)).ok()?;
        let (item, after) = rest.split_at_checked(len)?;
        items.push(item.to_vec());
        *rest = after;
    }
    Some(items)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (found, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*found)
}
