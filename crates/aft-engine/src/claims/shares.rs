//! In which order the shares of a burst become operations.
//!
//! Does not: know whose a change is.

use aft_model::Change;

use super::{Owner, Share};

/// The shares, so that each leaves every file its directories: those that came and in which several had a part before
/// everything else, those that went after it.
pub(super) fn in_order(changes: Vec<Change>, owners: Vec<Owner>, mixed: &[bool]) -> Vec<Share> {
    let (mut coming, mut going): (Vec<Share>, Vec<Share>) = (Vec::new(), Vec::new());
    let (mut nobodys, mut shares): (Vec<Change>, Vec<Share>) = (Vec::new(), Vec::new());
    for (at, (change, owner)) in changes.into_iter().zip(owners).enumerate() {
        let is_mixed = mixed.get(at) == Some(&true);
        // Who only had a part in what is in it did not make it.
        let stays = change.after.is_dir();
        if is_mixed && stays {
            append(&mut coming, owner, change);
        } else if is_mixed {
            going.push(Share {
                owner,
                changes: vec![change],
            });
        } else if owner == Owner::unknown() {
            nobodys.push(change);
        } else {
            match shares.iter_mut().find(|share| share.owner == owner) {
                Some(share) => share.changes.push(change),
                None => shares.push(Share {
                    owner,
                    changes: vec![change],
                }),
            }
        }
    }
    for change in nobodys {
        append(&mut coming, Owner::unknown(), change);
    }
    coming.append(&mut shares);
    // What is in a directory that goes has gone before it.
    let mut gone: Vec<Share> = Vec::new();
    for share in going.into_iter().rev() {
        for change in share.changes {
            append(&mut gone, share.owner.clone(), change);
        }
    }
    coming.append(&mut gone);
    for share in &mut coming {
        share.changes.sort_by(|a, b| a.path.cmp(&b.path));
    }
    coming
}

fn append(shares: &mut Vec<Share>, owner: Owner, change: Change) {
    match shares.last_mut() {
        Some(last) if last.owner == owner => last.changes.push(change),
        _ => shares.push(Share {
            owner,
            changes: vec![change],
        }),
    }
}
