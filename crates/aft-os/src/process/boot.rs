//! Which boot of the system this is. Does not know what it means that it is another one.

/// The id that the system drew when it came up; `None` where it does not tell.
#[must_use]
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (!id.is_empty()).then(|| id.to_owned())
}
