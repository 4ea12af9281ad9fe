//! Milestones that earlier versions exported are imported for ever: `tests/fixtures/milestone-v1` has one whose packs are
//! of the first version. It is never written again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use aft_model::ContentId;
use aft_os::outside::open_outside;
use aft_store::milestone::{Arrived, Gauge, Parcel};

#[test]
fn a_milestone_with_packs_of_the_first_version_is_taken_as_it_was() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/milestone-v1/first.aftm");
    let gauge = Gauge::new(1);
    let parcel = Parcel::open(open_outside(&file).expect("the fixture"), &gauge).expect("sound");
    let contents: Mutex<BTreeMap<ContentId, (Vec<u8>, bool)>> = Mutex::default();
    parcel
        .unpack(&gauge, &|arrived| {
            let Arrived::Whole(id, bytes, frame) = arrived else {
                panic!("nothing in it is large");
            };
            let mut contents = contents.lock().expect("nobody panicked");
            contents.insert(id, (bytes.to_vec(), frame.is_some()));
            Ok(())
        })
        .expect("every content");
    let contents = contents.into_inner().expect("nobody panicked");
    assert!(contents.values().all(|(_, framed)| !framed));
    let of = |name: &str| {
        let found = parcel
            .entries
            .iter()
            .find(|(path, _)| path.as_bytes() == name.as_bytes());
        let id = found.and_then(|(_, state)| state.content()).expect(name);
        contents.get(&id).expect("named, so there").0.clone()
    };
    assert_eq!(of("a.txt"), b"one\ntwo\nthree\n");
    assert_eq!(of("same.txt"), of("a.txt"));
    assert_eq!(
        of("src/main.rs"),
        b"fn main() {\n    println!(\"hello\");\n}\n"
    );
    assert_eq!((of("empty").len(), of("noise.bin").len()), (0, 3000));
    assert_eq!(of("link"), b"a.txt");
    assert_eq!(parcel.milestone.message.as_deref(), Some("as it was"));
}
