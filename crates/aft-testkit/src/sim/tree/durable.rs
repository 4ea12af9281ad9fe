//! What syncs and power cuts do to the inode tree. Does not know how much of the bytes and names is durable;
//! that is [`super::super::journal`]'s.

use std::collections::BTreeMap;

use super::super::journal::NodeId;
use super::super::rng::Rng;
use super::{Body, Tree};

impl Tree {
    pub(crate) fn sync_dir(&mut self, node: NodeId) {
        let moved = self.journal.commit_node(node);
        self.settle_data(&moved);
    }

    /// Everything reaches the disk, as after a long quiet time.
    pub(crate) fn sync_all(&mut self) {
        let moved = self.journal.commit_all();
        self.settle_data(&moved);
        for inode in self.nodes.values_mut() {
            if let Body::File(data) = &mut inode.body {
                data.sync();
            }
        }
    }

    /// The power fails: what was not synced survives in part, as `rng` decides.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        let moved = self.journal.crash(rng);
        self.settle_data(&moved);
        let mut survivors = BTreeMap::new();
        let mut links: BTreeMap<NodeId, u32> = BTreeMap::new();
        let mut queue = vec![self.root];
        while let Some(node) = queue.pop() {
            if survivors.contains_key(&node) {
                continue;
            }
            let Some(mut inode) = self.nodes.get(&node).cloned() else {
                continue;
            };
            inode.mode = self.journal.modes.get(&node).copied().unwrap_or(inode.mode);
            (inode.opens, inode.writers) = (0, 0);
            match &mut inode.body {
                Body::Dir(entries) => {
                    entries.clone_from(self.journal.dirs.entry(node).or_default());
                    for child in entries.values() {
                        *links.entry(*child).or_default() += 1;
                        queue.push(*child);
                    }
                }
                Body::File(data) => data.crash(rng),
                Body::Link(_) | Body::Fifo => {}
            }
            survivors.insert(node, inode);
        }
        for (node, inode) in &mut survivors {
            inode.nlink = if matches!(inode.body, Body::Dir(_)) {
                2
            } else {
                links.get(node).copied().unwrap_or(1)
            };
        }
        self.nodes = survivors;
        let taken: Vec<u64> = self.nodes.values().map(|inode| inode.number).collect();
        self.free_numbers.retain(|number| !taken.contains(number));
    }

    fn settle_data(&mut self, moved: &[NodeId]) {
        for node in moved {
            if let Some(Body::File(data)) = self.nodes.get_mut(node).map(|inode| &mut inode.body) {
                data.renamed();
            }
        }
    }
}
