//! The conditions a table was made under.
//!
//! Does: name processor count, kernel, file system and the versions of the peers.
//! Does not: name the machine or its directories.

use std::path::Path;

use super::Programs;
use super::process::Runner;

/// The head of the document.
pub(crate) fn describe(work: &Path, programs: &Programs) -> anyhow::Result<String> {
    let runner = Runner {
        dir: work.to_path_buf(),
        env: Vec::new(),
        log: work.join("log"),
    };
    let version = |name: &str, program: Option<&Path>| {
        program
            .and_then(|program| runner.output(program, &["--version"]).ok())
            .unwrap_or_else(|| format!("{name} not measured"))
    };
    let kernel = runner.output(Path::new("uname"), &["-sr"])?;
    let date = runner.output(Path::new("date"), &["-u", "+%F"])?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    Ok(format!(
        "# Benchmarks\n\nMade by `cargo xtask bench --write` on {date}: {cores} cores, {kernel}, {}. {}; {}; {}.\n\n\
         Every peer does the same seeded work on the same copy of the tree, one after the other in one run. A time is a whole process\n\
         from its start to the moment it is reaped, median of the runs, unless the line says otherwise. An answer of `aft` is durable; git's and\n\
         jj's are not. An edit is three lines put in at a random line, the file written again in place; going back over N files means N edited,\n\
         a tenth as many deleted and a tenth as many new, and every path is compared afterwards. Bold: short of what we hold ourselves to.\n\
         git has a GIT_DIR of its own, `feature.manyFiles`, `core.untrackedCache` and `index.skipHash`: `add -A` and `write-tree`, `read-tree -u\n\
         --reset`. jj: `util snapshot`, `op restore`, no watcher. The baseline of `aft` includes the start of its daemon.\n\n",
        file_system(&mounts, work),
        version("aft", programs.aft.as_deref()),
        version("git", programs.git.as_deref()),
        version("jj", programs.jj.as_deref()),
    ))
}

/// The kind of the file system that holds `dir`: the mount with the longest path above it.
fn file_system(mounts: &str, dir: &Path) -> String {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(place, _)| dir.starts_with(place))
        .max_by_key(|(place, _)| place.len())
        .map_or_else(
            || "an unknown file system".to_owned(),
            |(_, kind)| kind.to_owned(),
        )
}
