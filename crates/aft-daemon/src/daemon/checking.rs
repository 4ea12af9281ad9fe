//! What the checks of a workspace stand on.
//!
//! Does: give a workspace that was opened its checks. Does not: run one.

use std::sync::Arc;

use super::Daemon;
use crate::config::Config;
use crate::registry::Record;
use crate::verify::Checks;
use crate::verify::queue::Ground;
use crate::workspace::Workspace;

impl Daemon {
    /// The workspace's checks, as soon as something happens that they run at.
    pub(super) fn set_up_checks(
        &self,
        record: &Record,
        workspace: &Arc<Workspace>,
        config: &Config,
    ) {
        // Where milestones cannot be made, nobody can tell a whole state.
        let Some(milestones) = workspace.milestones() else {
            return;
        };
        let ground = Ground {
            reader: workspace.reader.clone(),
            shared: Arc::clone(&workspace.shared),
            clock: Arc::clone(&self.clock),
            milestones: Arc::clone(milestones),
            store: self.home_path.join("workspaces").join(&record.id),
            user_config: self.paths.config.clone(),
            hidden: vec![self.home_path.clone(), self.paths.runtime_dir.clone()],
        };
        Checks::set_up(ground, workspace, config);
    }
}
