//! What goes in by the queue comes out by its name, and a workspace that ends is forgotten.

use super::*;
use aft_model::OperationKind;

fn operation(id: u64) -> Arc<Operation> {
    Arc::new(Operation {
        time_ns: 5,
        ..Operation::bare(OperationId(id), OperationKind::Observed, Vec::new())
    })
}

fn work_off(caches: &SessionCaches) {
    for job in caches.waiting().try_iter() {
        assert!(caches.carry_out(job));
    }
}

#[test]
fn an_operation_of_nobody_is_held_and_one_workspace_does_not_see_the_other() {
    let caches = Arc::new(SessionCaches::new(&DaemonConfig::default()));
    let (one, other) = (caches.join(), caches.join());
    one.keep_operation(&operation(3));
    assert_eq!(
        one.operation(OperationId(3)),
        None,
        "it waits for the worker"
    );
    work_off(&caches);
    assert_eq!(one.operation(OperationId(3)), Some(operation(3)));
    assert_eq!(other.operation(OperationId(3)), None);
    let stats = caches.stats();
    assert_eq!((stats.entries, stats.hits, stats.misses), (1, 1, 2));
    drop(one);
    assert_eq!(caches.stats().entries, 0);
}

#[test]
fn contents_that_wait_are_bounded_and_what_finds_no_room_is_dropped() {
    let caches = Arc::new(SessionCaches::new(&DaemonConfig::default()));
    let l2 = caches.join();
    let bytes: Arc<[u8]> = Arc::from(vec![7; CONTENT_MAX]);
    for number in 0..100 {
        l2.keep_content(ContentId([number; 32]), &bytes);
    }
    assert_eq!(
        caches.waiting().len() as u64,
        QUEUED_BYTES_MAX / CONTENT_MAX as u64
    );
    work_off(&caches);
    assert_eq!(l2.content(&ContentId([0; 32])), Some(Arc::clone(&bytes)));
    assert_eq!(l2.content(&ContentId([99; 32])), None);
    l2.keep_content(ContentId([99; 32]), &bytes);
    work_off(&caches);
    assert_eq!(l2.content(&ContentId([99; 32])), Some(bytes), "room again");
    let too_large: Arc<[u8]> = Arc::from(vec![7; CONTENT_MAX + 1]);
    l2.keep_content(ContentId([55; 32]), &too_large);
    assert!(caches.waiting().is_empty());
}

#[test]
fn a_cache_that_nobody_works_for_takes_nothing_into_its_queue() {
    let l2 = L2::alone();
    l2.keep_operation(&operation(1));
    assert!(!l2.later(|| {}));
    assert_eq!(l2.all.waiting().len(), 0);
}

#[test]
fn a_session_is_measured_once_through_each_operation() {
    let l2 = L2::alone();
    assert!(l2.is_first_of("s", OperationId(3)));
    assert!(!l2.is_first_of("s", OperationId(3)));
    assert!(l2.is_first_of("t", OperationId(3)));
    assert!(l2.is_first_of("s", OperationId(4)));
}
