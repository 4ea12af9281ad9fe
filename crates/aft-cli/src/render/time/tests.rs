//! Times near and far.

use super::*;

#[test]
fn today_is_shown_without_its_date() {
    let now = Now::at("2026-11-21T20:00:00Z");
    let time = |text| WireTime::parse(text).unwrap();
    assert_eq!(now.brief(time("2026-11-21T12:03:04.5Z")), "12:03:04");
    assert_eq!(now.brief(time("2026-11-20T12:03:04Z")), "2026-11-20 12:03");
    assert_eq!(
        now.full(time("2026-11-20T12:03:04.1239Z")),
        "2026-11-20 12:03:04.123 +0000"
    );
}

#[test]
fn durations_have_at_most_two_units() {
    let shown: Vec<String> = [
        -1.0,
        0.4,
        59.9,
        60.0,
        3599.0,
        3660.0,
        90_000.0,
        f64::INFINITY,
    ]
    .into_iter()
    .map(duration)
    .collect();
    assert_eq!(
        shown[..7],
        [
            "0 s",
            "0 s",
            "59 s",
            "1 min",
            "59 min",
            "1 h 1 min",
            "1 d 1 h"
        ]
    );
    assert!(shown[7].ends_with(" h"));
}
