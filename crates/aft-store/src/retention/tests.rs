//! Which runs the calendar makes, whatever the clock says.

use super::*;

fn retention(now_h: i64) -> Retention {
    Retention {
        now_ns: now_h * HOUR_NS,
        every_ns: DAY_NS,
        hourly_ns: 7 * DAY_NS,
        daily_ns: 90 * DAY_NS,
        keep_last: 2,
        open_since: None,
    }
}

fn runs(retention: &Retention, pinned: &[u64], times: &[(u64, i64)]) -> Vec<(u64, u64)> {
    let pinned = pinned.iter().copied().collect();
    let mut runs = Runs {
        retention,
        pinned: &pinned,
        found: Vec::new(),
        open: None,
    };
    for (id, time_ns) in times {
        runs.add(*id, 0, *time_ns);
    }
    runs.close();
    let found = runs.found.iter();
    found.map(|run| (run.first.0, run.last.0)).collect()
}

#[test]
fn the_last_day_is_whole_then_an_hour_is_one_then_a_day() {
    let now = 10_000;
    let at = |hours_ago: i64, minute: i64| (now - hours_ago) * HOUR_NS + minute * HOUR_NS / 60;
    let times = [
        (1, at(24 * 30, 1)),
        (2, at(24 * 30, 2)),
        (3, at(24 * 30 - 1, 2)),
        (4, at(50, 1)),
        (5, at(50, 2)),
        (6, at(49, 2)),
        (7, at(3, 1)),
        (8, at(3, 2)),
    ];
    assert_eq!(runs(&retention(now), &[], &times), [(1, 3), (4, 5)]);
}

#[test]
fn a_name_keeps_its_point_and_nothing_else() {
    let now = 10_000;
    let times: Vec<(u64, i64)> = (1..=6).map(|id| (id, (now - 100) * HOUR_NS)).collect();
    assert_eq!(runs(&retention(now), &[3], &times), [(1, 3), (4, 6)]);
    assert_eq!(runs(&retention(now), &[1, 2, 3, 4, 5], &times), []);
}

#[test]
fn what_lies_in_the_future_is_recent() {
    let times: Vec<(u64, i64)> = (1..=6).map(|id| (id, 20_000 * HOUR_NS)).collect();
    assert_eq!(runs(&retention(10_000), &[], &times), []);
}
