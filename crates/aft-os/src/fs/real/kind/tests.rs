//! Tests of the module beside this file: fs / real / kind.

use super::*;

#[test]
fn multigrain_stamps_are_believed_from_linux_6_13_on() {
    for (release, expected) in [
        ("6.12.9-amd64", false),
        ("6.13.0", true),
        ("6.18.44-fc", true),
        ("7.0-rc1", true),
        ("5.15.0", false),
        ("", false),
    ] {
        assert_eq!(is_since(release, (6, 13)), expected, "{release}");
    }
}

#[test]
fn one_sync_of_everything_is_believed_where_the_kernel_tells_of_failures() {
    assert!(FsKind::from_magic(0xef53).syncs_whole());
    // What it does for an overlay depends on how that was mounted, and for FUSE on nothing that we could ask.
    for magic in [0x794c_7630, 0x6573_5546, 0x6969, 0xdead] {
        assert!(!FsKind::from_magic(magic).syncs_whole(), "{magic:#x}");
    }
    assert!(is_since("5.8.0-rc1", (5, 8)));
    assert!(!is_since("5.4.200-generic", (5, 8)));
}

#[test]
fn remote_file_systems_are_polled() {
    assert!(FsKind::from_magic(0xef53).gives_events());
    for magic in [0x6969, 0xff53_4d42, 0x6573_5546, 0x0102_1997, 0xdead] {
        let kind = FsKind::from_magic(magic);
        assert!(!kind.gives_events(), "{kind}");
        assert_eq!(kind.granularity_ns(), COARSE_NS, "{kind}");
    }
    assert_eq!(FsKind::from_magic(0x794c_7630).granularity_ns(), TICK_NS);
}
