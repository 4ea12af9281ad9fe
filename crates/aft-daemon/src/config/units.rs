//! Sizes and durations as people write them: `5 MiB`, `20ms`. Parsing and printing only.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Why a text is not a size or a duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnitError {
    /// Not a size.
    #[error(
        "`{0}` is not a size; write a number and a unit such as \"5 MiB\", \"10 GiB\" or \"512 KiB\""
    )]
    Size(String),
    /// Not a duration.
    #[error(
        "`{0}` is not a duration; write a number and a unit such as \"20ms\", \"15m\", \"24h\" or \"7d\""
    )]
    Period(String),
}

/// A number of bytes. `KiB`, `MiB`, `GiB`, `TiB` count in 1024, `KB`, `MB`, `GB`, `TB` in 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time. Units are `ms`, `s`, `m`, `h`, `d` and `w`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

const PERIOD_UNITS_MS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl ByteSize {
    /// That many mebibytes.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// That many gibibytes.
    #[must_use]
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text, &SIZE_UNITS)
            .map(Self)
            .ok_or_else(|| UnitError::Size(text.to_owned()))
    }
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let ms = parse(text, &PERIOD_UNITS_MS).ok_or_else(|| UnitError::Period(text.to_owned()))?;
        Ok(Self(Duration::from_millis(ms)))
    }
}

/// `<number><unit>` with white space allowed between; the number may have a decimal fraction. Integer
/// arithmetic throughout, so that no size loses its last bytes to a float.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim_start();
    let (_, factor) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 6 || (fraction.is_empty() && number.contains('.')) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let mut total = whole.checked_mul(*factor)?;
    if !fraction.is_empty() {
        let numerator: u128 = fraction.parse().ok()?;
        let denominator = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total
            .checked_add(u64::try_from(numerator * u128::from(*factor) / denominator).ok()?)?;
    }
    Some(total)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = SIZE_UNITS
            .iter()
            .take(4)
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match fits {
            Some((name, factor)) => write!(f, "{} {name}", self.0 / factor),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // Weeks are read but not printed: "7d" is what people write.
        let fits = PERIOD_UNITS_MS
            .iter()
            .skip(1)
            .find(|(_, factor)| ms >= *factor && ms.is_multiple_of(*factor));
        match fits {
            Some((name, factor)) => write!(f, "{}{name}", ms / factor),
            None => write!(f, "{ms}ms"),
        }
    }
}

struct TextVisitor<T>(std::marker::PhantomData<T>, &'static str);

impl<T> Visitor<'_> for TextVisitor<T>
where
    T: FromStr<Err = UnitError>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(
            std::marker::PhantomData,
            "a size such as \"5 MiB\"",
        ))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(
            std::marker::PhantomData,
            "a duration such as \"20ms\"",
        ))
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A size: a number and one of B, KB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024).",
            "pattern": "^\\s*[0-9]+(\\.[0-9]{1,6})?\\s*([KMGTkmgt][Ii]?)?[Bb]\\s*$"
        })
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: a number and one of ms, s, m, h, d, w.",
            "pattern": "^\\s*[0-9]+(\\.[0-9]{1,6})?\\s*([Mm][Ss]|[SsMmHhDdWw])\\s*$"
        })
    }
}
