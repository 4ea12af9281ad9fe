//! Bit rot: a place of every class in every kind of file, damaged in every way.
//!
//! What is served must be what was put in. Where an answer is missing, or the store is refused, that is said; a
//! state that cannot be known is an error and never a guess; what the damage does not touch is served.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use aft_model::{ContentId, OperationId};
use aft_store::{Opened, ReadError};
use aft_testkit::sim::Rng;

use super::rot_damage::{Damage, classes, damage, frames, is_segment};
use super::rot_template::{Template, files_of, open};
use crate::e2e_real::{fast_dir, heavy, seed};

const STORES: usize = 200;
const STORES_HEAVY: usize = 10_000;

/// What is wrong with what a damaged store answers.
type Verdict = Result<(), String>;

#[test]
fn rot_is_told_or_harmless_and_never_served() {
    let mut rng = Rng::new(seed("bit rot"));
    let place = tempfile::tempdir_in(fast_dir()).expect("a directory");
    let templates = [false, true].map(|rewritten| {
        let dir = place.path().join(format!("template-{rewritten}"));
        Template::make(&dir, rewritten)
    });
    for template in &templates {
        let dir = place.path().join("sound");
        write_all(&dir, &template.files);
        let sound = judge(template, &dir, None);
        assert_eq!(sound, Ok(()), "a sound store");
        std::fs::remove_dir_all(&dir).expect("it goes");
    }
    let (mut done, mut faults) = (0, Vec::new());
    let wanted = if heavy() { STORES_HEAVY } else { STORES };
    let mut deck: Vec<_> = Vec::new();
    while done < wanted {
        if deck.is_empty() {
            deck = classes();
        }
        let class = deck.swap_remove(rng.index(deck.len()));
        let template = &templates[rng.index(2)];
        let Some(damage) = damage(&template.files, class, &mut rng) else {
            continue;
        };
        done += 1;
        let dir = place.path().join("case");
        write_all(&dir, &template.files);
        match &damage.bytes {
            Some(bytes) => std::fs::write(dir.join(&damage.file), bytes).expect("it is written"),
            None => std::fs::remove_file(dir.join(&damage.file)).expect("it goes"),
        }
        let judged = catch_unwind(AssertUnwindSafe(|| judge(template, &dir, Some(&damage))));
        match judged {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => faults.push(format!("{}: {fault}", damage.told)),
            Err(_) => faults.push(format!("{}: a panic", damage.told)),
        }
        std::fs::remove_dir_all(&dir).expect("it goes");
    }
    println!("{done} damaged stores, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn write_all(dir: &Path, files: &[(String, Vec<u8>)]) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(dir)
        .expect("a directory");
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).expect("a file");
    }
}

/// Opens the store and compares all it answers.
fn judge(template: &Template, dir: &Path, damage: Option<&Damage>) -> Verdict {
    let before = files_of(dir);
    let opened = match open(dir) {
        Ok(opened) => opened,
        // Refused: told. Segments are then as they were.
        Err(error) => {
            let segments = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
                files.into_iter().filter(|(n, _)| is_segment(n)).collect()
            };
            return if segments(before) == segments(files_of(dir)) {
                Ok(())
            } else {
                Err(format!("refused ({error}) after changing segments"))
            };
        }
    };
    let report = opened.reader.check(true);
    let mut told = match &report {
        Ok(report) => !report.is_clean(),
        Err(_) => true,
    };
    let recovery = &opened.recovery;
    told |= !recovery.corrupt.is_empty() || recovery.torn_bytes > 0;
    let mut answers = Answers {
        template,
        opened: &opened,
        damage,
        lacking: Vec::new(),
    };
    answers.contents()?;
    answers.operations()?;
    answers.states()?;
    answers.names();
    let lacking = answers.lacking;
    if told || lacking.is_empty() {
        return Ok(());
    }
    // An end that was not orderly is said too, but it does not say what is missing.
    Err(format!("not told: {}", lacking.join("; ")))
}

struct Answers<'a> {
    template: &'a Template,
    opened: &'a Opened,
    damage: Option<&'a Damage>,
    /// Answers that are missing.
    lacking: Vec<String>,
}

impl Answers<'_> {
    /// Contents whose records the damage may have touched, and those that may stand on them; `None` for all.
    fn touched(&self) -> Option<BTreeSet<ContentId>> {
        let Some(damage) = self.damage else {
            return Some(BTreeSet::new());
        };
        if !is_segment(&damage.file) {
            // The index finds contents; without it none need be found, if that is told.
            return if damage.file.starts_with("index") {
                None
            } else {
                Some(BTreeSet::new())
            };
        }
        if self.template.is_rewritten || damage.bytes.is_none() {
            return None;
        }
        let files = &self.template.files;
        let (_, old) = files.iter().find(|(name, _)| *name == damage.file)?;
        // What is cut takes its whole group along, which is visible whole or not at all.
        let is_cut = damage
            .bytes
            .as_ref()
            .is_some_and(|new| new.len() < old.len());
        let groups = frames(old).into_iter().filter(|frame| frame.kind == 3);
        let ends = groups.map(|frame| frame.range.end);
        let start = match ends.filter(|end| *end <= damage.range.start).max() {
            Some(end) if is_cut => end,
            _ if is_cut => 0,
            _ => damage.range.start,
        };
        let hit =
            |range: &std::ops::Range<usize>| range.start < damage.range.end && start < range.end;
        let ids: BTreeSet<&[u8]> = frames(old)
            .iter()
            .filter(|frame| matches!(frame.kind, 4 | 5) && hit(&frame.range))
            .map(|frame| &old[frame.range.start + 10..frame.range.start + 42])
            .collect();
        let stored = &self.template.contents;
        let families: BTreeSet<u64> = stored
            .iter()
            .filter(|stored| ids.contains(&stored.id.0[..]))
            .map(|stored| stored.family)
            .collect();
        // A chunk is in no list here; the one content that has chunks is family 5.
        let touched = |family| families.contains(&family) || (family == 5 && !ids.is_empty());
        let touched = stored.iter().filter(|stored| touched(stored.family));
        Some(touched.map(|stored| stored.id).collect())
    }

    fn contents(&mut self) -> Verdict {
        let touched = self.touched();
        for stored in &self.template.contents {
            match self.opened.reader.read_content(&stored.id) {
                Ok(bytes) if *bytes == *stored.bytes => {}
                Ok(_) => return Err(format!("WRONG BYTES for content {}", stored.id)),
                Err(error) => {
                    if touched
                        .as_ref()
                        .is_some_and(|ids| !ids.contains(&stored.id))
                    {
                        return Err(format!("a content beside the damage is lost: {error}"));
                    }
                    self.lacking.push(error.to_string());
                }
            }
        }
        Ok(())
    }

    fn operations(&mut self) -> Verdict {
        for expected in &self.template.operations {
            match self.opened.reader.operation(expected.id) {
                Ok(Some(found)) if found == *expected => {}
                Ok(Some(found)) => return Err(format!("WRONG OPERATION {found:?}")),
                Ok(None) => self.lacking.push(format!("operation {}", expected.id)),
                Err(error) => self.lacking.push(error.to_string()),
            }
        }
        Ok(())
    }

    /// A state that is answered is the right one, and none that is known is left out.
    fn states(&mut self) -> Verdict {
        let reader = &self.opened.reader;
        let alive: BTreeSet<u64> = self
            .template
            .operations
            .iter()
            .map(|operation| operation.id)
            .filter(|id| matches!(reader.operation(*id), Ok(Some(_))))
            .map(|id| id.0)
            .collect();
        for (at, tree) in self.template.trees.iter().enumerate().skip(1) {
            let listed = match reader.states_at(OperationId(at as u64)) {
                Ok(listed) => listed,
                Err(error) => {
                    self.lacking.push(error.to_string());
                    continue;
                }
            };
            let absent = aft_model::FileState::Absent;
            for (path, state) in &listed {
                let expected = tree.get(path).unwrap_or(&absent);
                if state != expected {
                    return Err(format!("WRONG STATE of {path:?} at {at}"));
                }
                let single = reader.state_at(path, OperationId(at as u64));
                if !matches!(&single, Ok(Some(single)) if single == expected) {
                    match single {
                        Ok(Some(_)) => {
                            return Err(format!("WRONG SINGLE STATE of {path:?} at {at}"));
                        }
                        Ok(None) if !expected.exists() => {}
                        Ok(None) => self.lacking.push(format!("{path:?} at {at}")),
                        Err(error) => self.lacking.push(error.to_string()),
                    }
                }
            }
            let later = self.template.operations.iter().skip(at);
            let changed = later
                .filter(|operation| alive.contains(&operation.id.0))
                .flat_map(|operation| operation.changes.iter().map(|change| &change.path));
            let lost: BTreeSet<_> = changed
                .filter(|path| !listed.iter().any(|(listed, _)| listed == *path))
                .collect();
            if let Some(path) = lost.first() {
                return Err(format!("STATE LEFT OUT of {path:?} at {at}"));
            }
        }
        Ok(())
    }

    fn names(&mut self) {
        let reader = &self.opened.reader;
        match reader.checkpoints() {
            Ok(found) if found == self.template.checkpoints => {}
            Ok(_) => self.lacking.push("checkpoints".to_owned()),
            Err(error) => self.lacking.push(error.to_string()),
        }
        match reader.audit(100) {
            Ok(found) if found.len() == 4 => {}
            Ok(found) => self.lacking.push(format!("{} audit entries", found.len())),
            Err(ReadError::Io(error)) => self.lacking.push(error.to_string()),
            Err(error) => self.lacking.push(error.to_string()),
        }
        let head = self.template.operations.len() as u64;
        if reader.head() != OperationId(head) {
            self.lacking.push(format!("the head is {}", reader.head()));
        }
        if self.opened.recovery.next_operation.0 <= head {
            self.lacking.push("NUMBERS ARE GIVEN OUT AGAIN".to_owned());
        }
    }
}
