//! A directory is listed after its watch stands: what came in between must be in the list, whatever the file system
//! takes for the moment that a listing shows.

use aft_model::RelPath;
use aft_os::ReadDir as _;
use aft_os::fs::real::RealRoot;

use super::disk::{Disk, KINDS};

#[test]
fn what_was_made_after_a_directory_was_opened_is_listed() {
    for kind in KINDS {
        let Some(disk) = Disk::make(kind) else {
            continue;
        };
        let dir = disk.at().join("dir");
        std::fs::create_dir(&dir).expect("a directory");
        std::fs::write(dir.join("first"), "1").expect("a file");
        let root = RealRoot::open(disk.at()).expect("the root");
        let listed = root.scan_after(&RelPath::new("dir").expect("a path"), &mut |_| {
            std::fs::write(dir.join("second"), "2").expect("a file");
        });
        let mut names: Vec<Box<[u8]>> = listed
            .expect("a list")
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        names.sort();
        let wanted: [Box<[u8]>; 2] = [Box::from(*b"first"), Box::from(*b"second")];
        assert_eq!(names, wanted, "{kind:?}");
        drop(root);
        disk.check();
    }
}
