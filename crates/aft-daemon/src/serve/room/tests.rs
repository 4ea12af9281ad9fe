//! Every socket has its own room, and it comes back.

use super::*;

#[test]
fn one_socket_that_is_full_keeps_no_other_out() {
    let room = Arc::new(Room::default());
    let mut editors = Vec::new();
    while let Some(place) = room.take(Role::Editor) {
        editors.push(place);
    }
    assert_eq!(editors.len() as u64, connections_max(Role::Editor));
    let others = [
        room.take(Role::Agent).expect("room for an agent"),
        room.take(Role::Control).expect("room for a person"),
    ];
    assert_eq!(room.n_taken(), connections_max(Role::Editor) + 2);
    assert!(room.take(Role::Editor).is_none());
    editors.pop();
    assert!(room.take(Role::Editor).is_some(), "room comes back");
    drop((editors, others));
    assert_eq!(room.n_taken(), 0);
}
