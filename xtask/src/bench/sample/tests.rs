//! Ranks are nearest ranks.

use super::*;

#[test]
fn percentiles_are_nearest_ranks() {
    let sample: Sample = (1..=100).rev().map(Duration::from_secs).collect();
    assert_eq!(sample.median(), Some(50.0));
    assert_eq!(sample.percentile(99.0), Some(99.0));
    assert_eq!(sample.percentile(100.0), Some(100.0));
    assert_eq!(Sample::default().median(), None);
    let three: Sample = [3, 1, 2].into_iter().map(Duration::from_secs).collect();
    assert_eq!(three.median(), Some(2.0));
}
