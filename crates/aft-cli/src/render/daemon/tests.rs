//! The daemon and its store.

use aft_rpc::types::store::Problem;

use super::*;

#[test]
fn a_damaged_store_lists_its_problems() {
    let mut result = StoreCheckResult {
        ok: true,
        n_records: 3,
        n_contents: 1,
        n_bytes: 4096,
        ..StoreCheckResult::default()
    };
    assert_eq!(
        check(&result),
        "The store is sound: 3 records and 1 content looked at, 4.0 KiB.\n"
    );
    result.ok = false;
    result.problems = vec![Problem {
        message: "record 2 is damaged".to_owned(),
        remedy: Some("One version is lost.".to_owned()),
        ..Problem::default()
    }];
    result.not_checked = vec!["/gone".into()];
    assert_eq!(
        check(&result),
        "Not looked at, its directory is not there: /gone\nThe store is damaged (3 records and 1 content looked at, 4.0 KiB):\n  record 2 is damaged\n    One version is lost.\n"
    );
}

#[test]
fn figures_have_a_ratio_once_there_is_content() {
    let empty = StoreStatsResult::default();
    assert!(!stats(&empty).contains("(ratio"));
    let full = StoreStatsResult {
        content_bytes: 1000,
        stored_bytes: 207,
        cap_bytes: Some(10 << 30),
        ..empty
    };
    assert!(stats(&full).contains("(ratio 0.207)"), "{}", stats(&full));
    assert!(stats(&full).contains("cap         10 GiB"));
}
