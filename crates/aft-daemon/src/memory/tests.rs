//! Where the levels are.

use super::*;
use crate::config::{ByteSize, DaemonConfig};

#[test]
fn each_level_begins_at_its_limit() {
    let memory = Memory::new(&DaemonConfig {
        memory_warning: ByteSize::mib(1),
        memory_critical: ByteSize::mib(2),
        memory_emergency: ByteSize::mib(3),
        ..DaemonConfig::default()
    });
    let mib = |count: u64| count << 20;
    assert_eq!(memory.pressure(mib(1) - 1), Pressure::None);
    assert_eq!(memory.pressure(mib(1)), Pressure::Merge);
    assert_eq!(memory.pressure(mib(2) - 1), Pressure::Merge);
    assert_eq!(memory.pressure(mib(2)), Pressure::DropRedundancy);
    assert_eq!(memory.pressure(mib(3)), Pressure::Empty);
    assert_eq!(memory.level(), "normal", "nobody has looked");
    let (pressure, resident) = memory.look();
    assert!(resident > mib(3), "a process of tests takes more");
    assert_eq!((pressure, memory.level()), (Pressure::Empty, "emergency"));
}
