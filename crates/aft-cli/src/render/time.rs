//! Times for people, in their own time zone.

#[cfg(test)]
mod tests;

use aft_rpc::WireTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// The present, and where the reader is.
#[derive(Clone, Debug)]
pub(crate) struct Now {
    now: Zoned,
}

impl Now {
    /// By the system's clock and zone.
    pub(crate) fn read() -> Self {
        Self { now: Zoned::now() }
    }

    /// A given moment in UTC.
    #[cfg(test)]
    pub(crate) fn at(text: &str) -> Self {
        let now: Timestamp = text.parse().unwrap();
        Self {
            now: now.to_zoned(TimeZone::UTC),
        }
    }

    fn local(&self, time: WireTime) -> Option<Zoned> {
        let zone: TimeZone = self.now.time_zone().clone();
        Timestamp::from_nanosecond(i128::from(time.0))
            .ok()
            .map(|time| time.to_zoned(zone))
    }

    /// `12:03:04` today, `2026-11-20 12:03` on any other day.
    pub(crate) fn brief(&self, time: WireTime) -> String {
        let Some(local) = self.local(time) else {
            return time.to_string();
        };
        let format = if local.date() == self.now.date() {
            "%H:%M:%S"
        } else {
            "%Y-%m-%d %H:%M"
        };
        local.strftime(format).to_string()
    }

    /// `2026-11-20 12:03:04.123 +0100`.
    pub(crate) fn full(&self, time: WireTime) -> String {
        let Some(local) = self.local(time) else {
            return time.to_string();
        };
        local.strftime("%Y-%m-%d %H:%M:%S%.3f %z").to_string()
    }
}

/// `43 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
pub(crate) fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a u64 holds"
    )]
    let seconds = seconds.clamp(0.0, 1e15) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if minutes == 0 {
        format!("{seconds} s")
    } else if hours == 0 {
        format!("{minutes} min")
    } else if days == 0 {
        format!("{hours} h {} min", minutes % 60)
    } else {
        format!("{days} d {} h", hours % 24)
    }
}
