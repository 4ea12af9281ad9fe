//! What of the log is told.

use super::*;

const NOW: i64 = 1_800_000_000 * NS;

fn line(age_s: i64, text: &str) -> String {
    format!("{} claude-code Stop {text}\n", WireTime(NOW - age_s * NS))
}

#[test]
fn only_the_last_day_counts_and_the_newest_is_named() {
    let log = line(100_000, "long ago") + &line(600, "earlier") + &line(5, "just now");
    let recent = of_last_day(&log, NOW).unwrap();
    assert_eq!(recent.count, 2);
    assert!(recent.last.ends_with("just now"), "{}", recent.last);
}

#[test]
fn an_old_or_broken_log_is_nothing_to_tell() {
    assert_eq!(of_last_day(&line(100_000, "long ago"), NOW), None);
    assert_eq!(of_last_day("no time here\n\n\u{1}", NOW), None);
}
