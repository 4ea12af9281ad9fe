//! A large tree after a restart: armed again without reading it again.
//! Asserts no time; prints it.

use std::time::Instant;

use super::heavy;
use super::rig::Rig;

#[test]
fn a_large_tree_is_armed_again_after_a_restart_and_nothing_is_recorded_twice() {
    let mut rig = Rig::new();
    let n_files = if heavy() { 80_000 } else { 20_000 };
    for n in 0..n_files {
        rig.project.write(
            format!("p{}/m{}/f{n}", n % 20, n % 400),
            format!("content of {}\n", n % 5000),
        );
    }
    let start = Instant::now();
    rig.watch();
    println!("{n_files} files: first scan {:?}", start.elapsed());
    let head = rig.head();
    for how in ["stop", "kill"] {
        match how {
            "stop" => rig.daemon.stop(),
            _ => rig.daemon.kill(),
        }
        let start = Instant::now();
        rig.daemon.run();
        assert_eq!(
            rig.json(&["sync"])["head"],
            head,
            "after {how}: nothing changed, nothing is recorded"
        );
        println!("armed after {how}: {:?}", start.elapsed());
        assert_eq!(rig.state(), "armed");
    }
    rig.assert_recorded("after the restarts");
    rig.project.write("p3/m3/f3", "edited\n");
    assert!(rig.head() > head, "an edit after the restarts is recorded");
}
