//! Ids that nobody can guess, for sessions, turns, edits, subscriptions and workspaces.

use tracing::error;

/// 16 random bytes from the kernel as hexadecimal digits.
pub(crate) fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled.is_err() {
        error!("the kernel gives no random bytes");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
