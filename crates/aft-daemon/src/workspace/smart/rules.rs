//! The rules of smart checkpoints that a configuration comes to.

use aft_engine::policy::{Cause, Rule, Rules};
use aft_model::Keep;

use crate::config::{CheckpointConfig, CheckpointTrigger, KeepClass};

/// The rules that a configuration comes to: every one, unless it says otherwise.
pub(crate) fn rules(configured: &[CheckpointConfig]) -> Rules {
    configured.iter().fold(Rules::default(), |rules, one| {
        let cause = match one.on {
            CheckpointTrigger::AllPassed => Cause::AllPassed,
            CheckpointTrigger::LargeRefactor => Cause::LargeRefactor,
            CheckpointTrigger::DependencyChange => Cause::DependencyChange,
            CheckpointTrigger::DestructiveCommand => Cause::DestructiveCommand,
            CheckpointTrigger::Complexity => Cause::Complexity,
        };
        if !one.enabled {
            return rules.without(cause);
        }
        let usual = Rule::of(cause);
        let keep = one.keep.map_or(usual.keep, |class| match class {
            KeepClass::Permanent => Keep::Permanent,
            KeepClass::Session => Keep::Session,
            KeepClass::UntilVerified => Keep::UntilVerified,
            KeepClass::User => Keep::User,
        });
        let window = one.window.map(|window| window.0.as_nanos());
        let window = window.map(|ns| i64::try_from(ns).unwrap_or(i64::MAX));
        let rule = Rule {
            keep,
            window_ns: window.unwrap_or(usual.window_ns),
            files: one.files.unwrap_or(usual.files),
            lines: one.lines.unwrap_or(usual.lines),
        };
        rules.with(cause, rule)
    })
}
