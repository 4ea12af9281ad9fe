//! The list of workspaces: old ones are read, newer ones refused.

use aft_testkit::SimWorld;

use super::*;

/// As version 1 was first written, before there was anything but `workspaces`.
const OLDEST: &str = r#"{"version":1,"workspaces":[
    {"id":"00ff","root":"/w","name":null,"ino":5,"dev":6},
    {"id":"11ee","root":[47,255],"name":"odd","ino":7,"dev":8}]}"#;

#[test]
fn the_oldest_list_is_read_and_written_as_it_was() {
    let world = SimWorld::of_seed(1);
    world.store.replace(FILE, OLDEST.as_bytes()).unwrap();
    let all = load(&world.store).unwrap();
    assert_eq!(all.watched.len(), 2);
    assert!(all.unwatched.is_empty());
    let odd = all.watched.get(1).unwrap();
    assert_eq!(odd.root.as_os_str().as_bytes(), b"/\xff");
    save(&world.store, all.clone()).unwrap();
    assert_eq!(load(&world.store).unwrap().watched, all.watched);
}

#[test]
fn a_newer_list_is_refused_and_left_as_it_is() {
    let world = SimWorld::of_seed(1);
    let newer = r#"{"version":2,"workspaces":{"by":"id"}}"#;
    world.store.replace(FILE, newer.as_bytes()).unwrap();
    let refused = load(&world.store).map(drop).unwrap_err();
    let is_newer = matches!(refused, RegistryError::Newer { found: 2, known: 1 });
    assert!(is_newer, "{refused:?}");
    assert_eq!(world.store.peek(FILE).unwrap(), newer.as_bytes());
}

#[test]
fn what_is_no_list_is_damaged() {
    let world = SimWorld::of_seed(1);
    for text in ["", "{}", "[]", "{\"version\":1}", "\u{0}"] {
        world.store.replace(FILE, text.as_bytes()).unwrap();
        let refused = load(&world.store).map(drop).unwrap_err();
        assert!(matches!(refused, RegistryError::Damaged(_)), "{text:?}");
    }
}
