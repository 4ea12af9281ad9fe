//! Room for connections: each socket has its own, so that what one kind of client leaves open keeps no other out.
//!
//! Does: count who is in, and say who finds no room.
//! Does not: accept or close a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aft_rpc::types::hello::Role;

/// Connections served at once; more wait in the kernel's backlog and are then closed. Fifty editors at work hold one or
/// two each.
const fn connections_max(role: Role) -> u64 {
    match role {
        Role::Agent => 64,
        Role::Editor => 128,
        Role::Control => 64,
    }
}

/// Who is connected.
#[derive(Default)]
pub(crate) struct Room {
    agents: AtomicU64,
    editors: AtomicU64,
    persons: AtomicU64,
}

impl Room {
    fn of(&self, role: Role) -> &AtomicU64 {
        match role {
            Role::Agent => &self.agents,
            Role::Editor => &self.editors,
            Role::Control => &self.persons,
        }
    }

    /// Connections over all sockets.
    pub(crate) fn n_taken(&self) -> u64 {
        let taken = [Role::Agent, Role::Editor, Role::Control];
        taken
            .map(|role| self.of(role).load(Ordering::Relaxed))
            .iter()
            .sum()
    }

    /// A place; `None` where all are taken. It is free again when what is given is dropped.
    pub(crate) fn take(self: &Arc<Self>, role: Role) -> Option<Place> {
        // Given back by its drop also where there was none.
        let place = Place {
            room: Arc::clone(self),
            role,
        };
        let before = self.of(role).fetch_add(1, Ordering::Relaxed);
        (before < connections_max(role)).then_some(place)
    }
}

/// One connection's.
pub(crate) struct Place {
    room: Arc<Room>,
    role: Role,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.of(self.role).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
