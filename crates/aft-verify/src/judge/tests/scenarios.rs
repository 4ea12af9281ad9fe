//! Drawn scenarios against an oracle that knows what was done, not how it is judged: no rollback without a reason, none
//! missed.

use std::collections::BTreeSet;

use super::*;
use crate::rerun;

/// A seed's numbers (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From the normal distribution.
    fn normal(&mut self) -> f64 {
        let (one, other) = (self.part().max(1e-12), self.part());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }
}

/// What is true of one test in one state: tests are either sound, broken, or pass every other time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    Sound,
    Broken,
    Flaky,
    Skipped,
}

/// Tests by number, and what is true of each.
type Suite = Vec<(usize, Truth)>;

fn run_of(truths: &[(usize, Truth)], draw: &mut Draw) -> Report {
    let mut report = Report::default();
    for (number, truth) in truths {
        let outcome = match truth {
            Truth::Sound => CaseOutcome::Passed,
            Truth::Broken => CaseOutcome::Failed,
            Truth::Skipped => CaseOutcome::Skipped,
            Truth::Flaky if draw.one_in(2) => CaseOutcome::Failed,
            Truth::Flaky => CaseOutcome::Passed,
        };
        report.case(&format!("test {number}"), outcome);
    }
    report
}

/// A suite in its last good state and after somebody's work on it.
fn suite(draw: &mut Draw) -> (Suite, Suite) {
    let count = 1 + draw.below(60) as usize;
    let known_broken = draw.below(4);
    let before: Suite = (0..count)
        .map(|number| {
            let truth = match draw.below(20) {
                0 => Truth::Skipped,
                1 if known_broken > 0 => Truth::Broken,
                _ => Truth::Sound,
            };
            (number, truth)
        })
        .collect();
    let damage = draw.below(70);
    let mut after: Suite = before
        .iter()
        .map(|(number, truth)| match truth {
            Truth::Sound if draw.below(100) < damage => (*number, Truth::Broken),
            Truth::Broken if draw.one_in(3) => (*number, Truth::Sound),
            same => (*number, *same),
        })
        .collect();
    if draw.one_in(4) {
        after.retain(|_| !draw.one_in(5));
    }
    for number in count..count + draw.below(6) as usize {
        let truth = if draw.one_in(3) {
            Truth::Broken
        } else {
            Truth::Sound
        };
        after.push((number, truth));
    }
    (before, after)
}

#[test]
fn of_ten_thousand_suites_exactly_those_act_that_broke_by_more_than_the_threshold() {
    let (mut acted, mut stayed) = (0, 0);
    for seed in 0..10_000 {
        let mut draw = Draw(seed);
        let (before, after) = suite(&mut draw);
        let good = run_of(&before, &mut draw);
        let report = run_of(&after, &mut draw);
        let broke = |truths: &[(usize, Truth)]| -> BTreeSet<usize> {
            let broken = truths.iter().filter(|(_, truth)| *truth == Truth::Broken);
            broken.map(|(number, _)| *number).collect()
        };
        let new = broke(&after).difference(&broke(&before)).count();
        let skipped = after.iter().filter(|one| one.1 == Truth::Skipped).count();
        let ran = after.len() - skipped;
        // In whole numbers, so that no rounding decides for both.
        let wanted = new > 0 && 10 * new > 3 * ran;
        let ending = Ending::Code(i32::from(!broke(&after).is_empty()));
        let verdict = judge(Rule::FailureRate, 0.3, &ending, Ok(&report), Some(&good));
        assert_eq!(
            verdict.acts, wanted,
            "seed {seed}: {new} of {ran}: {verdict:?}"
        );
        let passes = broke(&after).is_empty();
        let passes_by_verdict = verdict.status == Status::Passed;
        // A report in which nothing ran is still exit code 0.
        assert_eq!(passes_by_verdict, passes, "seed {seed}: {verdict:?}");
        if wanted { acted += 1 } else { stayed += 1 }
    }
    assert!(
        acted > 1_000 && stayed > 1_000,
        "{acted} acted, {stayed} stayed"
    );
}

/// With a second run, a test that fails by chance in one of them does not count.
#[test]
fn flaky_tests_alone_never_act_unless_they_fail_twice() {
    for seed in 0..5_000 {
        let mut draw = Draw(seed);
        let count = 5 + draw.below(40) as usize;
        let sound: Vec<(usize, Truth)> = (0..count).map(|number| (number, Truth::Sound)).collect();
        let good = run_of(&sound, &mut draw);
        let mixed: Vec<(usize, Truth)> = sound
            .iter()
            .map(|(number, _)| match draw.below(3) {
                0 => (*number, Truth::Flaky),
                _ => (*number, Truth::Sound),
            })
            .collect();
        let (first, again) = (run_of(&mixed, &mut draw), run_of(&mixed, &mut draw));
        let both = rerun(&first, &again);
        let twice = first
            .cases
            .iter()
            .zip(&again.cases)
            .filter(|(one, other)| {
                one.outcome == CaseOutcome::Failed && other.outcome == CaseOutcome::Failed
            })
            .count();
        assert_eq!(both.failed().count(), twice, "seed {seed}");
        let verdict = judge(
            Rule::FailureRate,
            0.3,
            &Ending::Code(1),
            Ok(&both),
            Some(&good),
        );
        assert_eq!(verdict.acts, 10 * twice > 3 * count, "seed {seed}");
    }
}

/// A benchmark as it is run: samples around a true mean.
fn bench(mean: f64, noise: f64, samples: u32, draw: &mut Draw) -> Report {
    let drawn: Vec<f64> = (0..samples)
        .map(|_| mean * (1.0 + noise * draw.normal()))
        .collect();
    let count = f64::from(samples);
    let middle = drawn.iter().sum::<f64>() / count;
    let squares: f64 = drawn.iter().map(|one| (one - middle).powi(2)).sum();
    timing(middle, Some((squares / (count - 1.0)).sqrt()), samples)
}

#[test]
fn noise_and_a_tenth_never_act_and_a_third_always_does() {
    for seed in 0..20_000 {
        let mut draw = Draw(seed);
        let base = 10_f64.powf(-6.0 + 6.0 * draw.part());
        let samples = |draw: &mut Draw| 10 + draw.below(90) as u32;
        let (noise_before, noise) = (0.12 * draw.part(), 0.12 * draw.part());
        let count = samples(&mut draw);
        let good = bench(base, noise_before, count, &mut draw);
        let change = 0.7 + 0.4 * draw.part();
        let count = samples(&mut draw);
        let now = bench(base * change, noise, count, &mut draw);
        let verdict = by(Rule::Slower, 0, &now, &good);
        assert_eq!(verdict, (Status::Passed, false), "seed {seed}: {change}");

        let (noise_before, noise) = (0.02 * draw.part(), 0.02 * draw.part());
        let count = samples(&mut draw);
        let good = bench(base, noise_before, count, &mut draw);
        let change = 1.3 + draw.part();
        let count = samples(&mut draw);
        let now = bench(base * change, noise, count, &mut draw);
        let verdict = by(Rule::Slower, 0, &now, &good);
        assert_eq!(verdict, (Status::Failed, true), "seed {seed}: {change}");
    }
}
