//! The daemon and its store.

use aft_rpc::types::store::{MemoryView, Problem, TierView};

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

#[test]
fn tiers_in_memory_say_how_they_serve() {
    let mut result = StoreStatsResult::default();
    let text = stats(&result);
    assert!(
        text.contains("in memory   L1 0 entries, 0 B, nothing asked, 0 evicted\n"),
        "{text}"
    );
    assert!(text.contains("daemon      0 B resident\n"), "{text}");
    result.l2 = TierView {
        entries: 1,
        bytes: 2048,
        hits: 2,
        misses: 1,
        evictions: 7,
    };
    result.memory = MemoryView {
        resident_bytes: 90 << 20,
        level: "warning".to_owned(),
    };
    let text = stats(&result);
    let l2 = "            L2 1 entry, 2.0 KiB, 66 % of 3 questions, 7 evicted\n";
    assert!(text.contains(l2), "{text}");
    assert!(
        text.contains("daemon      90 MiB resident, warning\n"),
        "{text}"
    );
}
