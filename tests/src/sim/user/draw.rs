//! What a user of the simulation does next, drawn by the seed.

use aft_testkit::SimWorld;
use aft_testkit::manifest::{Kind, Manifest};
use aft_testkit::sim::Rng;

use super::{Action, Path, Users};

/// Draws an action about the tree as it is now.
pub(crate) fn draw(world: &SimWorld, users: &Users, rng: &mut Rng) -> Action {
    let disk = world.root.manifest();
    let at = |rng: &mut Rng| place(&disk, rng);
    let number = {
        let mut book = users.0.lock();
        book.n_tokens += 1;
        book.n_tokens
    };
    let bytes = token(number, rng);
    match rng.below(116) {
        0..22 => Action::Write(at(rng), bytes),
        22..30 => Action::Append(at(rng), bytes),
        30..44 => Action::Save(at(rng), bytes),
        44..52 => {
            let dir = [fresh_dir(&disk, rng), b"/e".to_vec()].concat();
            let file = [&dir[..], b"/f"].concat();
            Action::Mkdir(dir, vec![(file, bytes)])
        }
        52..62 => Action::Rename(existing(&disk, rng), at(rng)),
        62..64 => Action::Exchange(existing(&disk, rng), existing(&disk, rng)),
        64..72 => Action::Remove(existing(&disk, rng)),
        72..77 => {
            let path = existing(&disk, rng);
            let is_dir = disk
                .entries
                .get(&path)
                .is_some_and(|entry| entry.kind == Kind::Dir);
            let modes: &[u32] = if is_dir {
                &[0o755, 0o700, 0o555, 0o755]
            } else {
                &[0o644, 0o600, 0o755, 0o700, 0o444, 0o000, 0o4755]
            };
            Action::Chmod(path, rng.pick(modes).copied().unwrap_or(0o755))
        }
        77..81 => Action::Symlink(at(rng), at(rng)),
        81..83 => Action::Fifo(at(rng)),
        83..84 => Action::SetMtime(existing(&disk, rng), 1_700_000_000_000_000_000),
        84..86 => Action::MoveOut(existing(&disk, rng)),
        86..88 => Action::MoveIn(fresh_dir(&disk, rng), bytes),
        88..90 => Action::ToDir(existing(&disk, rng), bytes),
        90..92 => Action::ToFile(existing(&disk, rng), bytes),
        92..95 => Action::Hold(at(rng)),
        95..98 => Action::HeldWrite(rng.index(8), bytes),
        98..100 => Action::HeldClose(rng.index(8)),
        100..104 => Action::Hold(existing(&disk, rng)),
        104..110 => Action::HeldWrite(rng.index(8), bytes),
        _ => Action::Meddle(rng.index(8), bytes),
    }
}

/// Names that rules may leave out.
const RULED: [&[u8]; 2] = [b"n0", b"n1"];

/// True at and beneath a name that rules may leave out.
pub(crate) fn is_ruled(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .any(|name| RULED.contains(&name))
}

/// Draws other rules, in some directory.
pub(crate) fn draw_rules(world: &SimWorld, rng: &mut Rng) -> Action {
    // A part of any of them, as a power cut may leave it, names nothing else either.
    const RULES: [&str; 5] = ["", "n0/\n", "n0\n", "n0/\nn1/\n", "/n1\n!n0/\n"];
    let dir = a_dir(&world.root.manifest(), rng);
    let file = join(&dir, b".gitignore");
    if rng.chance(200) {
        return Action::Remove(file);
    }
    let rules = rng.pick(&RULES).copied().unwrap_or_default();
    if rng.chance(500) {
        Action::Save(file, rules.as_bytes().to_vec())
    } else {
        Action::Write(file, rules.as_bytes().to_vec())
    }
}

/// Bytes nobody wrote before. Half of them have one length, for edits that stat alone does not show.
fn token(number: u64, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = format!("token {number:06}\n").into_bytes();
    match rng.below(20) {
        0 => Vec::new(),
        1..10 => bytes,
        19 => {
            bytes.extend(rng.bytes(5000));
            bytes
        }
        _ => {
            let len = rng.index(200);
            bytes.extend(std::iter::repeat_n(b'.', len));
            bytes
        }
    }
}

/// What the rules are made from stays as it is.
const FIXED: [&[u8]; 1] = [b"target"];

fn is_private(path: &[u8]) -> bool {
    path.starts_with(b".afterimage") || path.starts_with(b".git")
}

const NAMES: [&str; 8] = ["a", "b", "c.txt", "d.rs", "e", "run.log", "f", "g"];

/// Something that is there, or a place for something new.
fn place(disk: &Manifest, rng: &mut Rng) -> Path {
    if rng.chance(550) {
        return existing(disk, rng);
    }
    let dir = a_dir(disk, rng);
    let name = rng.pick(&NAMES).unwrap_or(&"a");
    join(&dir, name.as_bytes())
}

fn existing(disk: &Manifest, rng: &mut Rng) -> Path {
    let paths: Vec<&Path> = disk
        .entries
        .keys()
        .filter(|path| !is_private(path) && !FIXED.contains(&path.as_slice()))
        .collect();
    rng.pick(&paths)
        .map_or_else(|| b"a".to_vec(), |path| (*path).clone())
}

fn a_dir(disk: &Manifest, rng: &mut Rng) -> Path {
    let dirs: Vec<&Path> = disk
        .entries
        .iter()
        .filter(|(path, entry)| entry.kind == Kind::Dir && !is_private(path))
        .map(|(path, _)| path)
        .collect();
    match rng.pick(&dirs) {
        Some(dir) if rng.chance(700) => (*dir).clone(),
        _ => Vec::new(),
    }
}

fn fresh_dir(disk: &Manifest, rng: &mut Rng) -> Path {
    let dir = a_dir(disk, rng);
    join(&dir, format!("n{}", rng.below(5)).as_bytes())
}

fn join(dir: &[u8], name: &[u8]) -> Path {
    if dir.is_empty() {
        return name.to_vec();
    }
    [dir, b"/", name].concat()
}
