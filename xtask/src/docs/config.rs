//! The configuration's reference: the default configuration with its comments, which the code is tested against.
//!
//! Does: put the file into a page.
//! Does not: know a key.

use std::path::Path;

use anyhow::Context as _;

use super::{NOTICE, tidy_text};

/// The page.
pub(super) fn page(root: &Path) -> anyhow::Result<String> {
    let path = root.join("config/default.toml");
    let defaults = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(tidy_text(&format!(
        "{NOTICE}# Configuration\n\n\
         The user's file is `$AFT_CONFIG`, else `$XDG_CONFIG_HOME/afterimage/config.toml`, else `~/.config/afterimage/config.toml`. A\n\
         workspace's own file is `.afterimage.toml` at its root and wins over the user's where it may decide. Neither has to exist, and an\n\
         unknown key is an error that names the nearest one. These are all keys with their defaults (`config/default.toml`; for editors there\n\
         is a JSON Schema beside it):\n\n```toml\n{}\n```\n",
        defaults.trim_end()
    )))
}
