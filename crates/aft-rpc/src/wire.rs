//! How paths, contents, points and times look in JSON.

mod base64;
#[cfg(test)]
mod tests;
mod time;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use aft_model::{PathError, RelPath};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use time::WireTime;

/// A path: a JSON string where it is UTF-8, else `{"base64": "…"}`. Relative to the workspace's root;
/// one that begins with `/` is absolute and must lie beneath the root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct WirePath(pub Vec<u8>);

/// Content: a JSON string where it is UTF-8, else `{"base64": "…"}`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct WireBytes(pub Vec<u8>);

/// A point as the user names it: a JSON string (`"@-3"`, `"before-refactor"`) or an operation's number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WirePoint(pub String);

/// Why a path that came over the wire names nothing in the workspace.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathRefused {
    /// Absolute and not beneath the root.
    #[error("`{0}` is outside the workspace")]
    Outside(String),
    /// Not a path that a workspace can hold.
    #[error("`{0}` is not a path in a workspace")]
    Malformed(String, #[source] PathError),
}

impl WirePath {
    /// The bytes as they stand.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same as a path of the operating system.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// For people; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn display(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The path within the workspace whose root is `root` (absolute, canonical). An absolute path loses
    /// the root in front; `.`, and `/` at the end, are forgiven, `..` is not.
    ///
    /// # Errors
    /// [`PathRefused`] when it lies outside or cannot be a path.
    pub fn within(&self, root: &Path) -> Result<RelPath, PathRefused> {
        let relative = if self.0.first() == Some(&b'/') {
            let outside = || PathRefused::Outside(self.display().into_owned());
            self.as_path()
                .strip_prefix(root)
                .map_err(|_| outside())?
                .as_os_str()
                .as_bytes()
        } else {
            self.0.as_slice()
        };
        let trimmed = relative.strip_suffix(b"/").unwrap_or(relative);
        let trimmed = trimmed.strip_prefix(b"./").unwrap_or(trimmed);
        let trimmed = if trimmed == b"." { &[] } else { trimmed };
        RelPath::new(trimmed)
            .map_err(|source| PathRefused::Malformed(self.display().into_owned(), source))
    }
}

impl From<&RelPath> for WirePath {
    fn from(path: &RelPath) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

impl From<&Path> for WirePath {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<&str> for WirePath {
    fn from(path: &str) -> Self {
        Self(path.as_bytes().to_vec())
    }
}

impl fmt::Debug for WirePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.display())
    }
}

impl From<&str> for WirePoint {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<u64> for WirePoint {
    fn from(operation: u64) -> Self {
        Self(operation.to_string())
    }
}

impl From<Vec<u8>> for WireBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for WireBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

fn serialize_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("base64", &base64::encode(bytes))?;
            map.end()
        }
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or {\"base64\": \"…\"}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(text.into_bytes())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some(key) = map.next_key::<Cow<'_, str>>()? else {
            return Err(de::Error::missing_field("base64"));
        };
        if key != "base64" {
            return Err(de::Error::unknown_field(&key, &["base64"]));
        }
        let text: Cow<'_, str> = map.next_value()?;
        let bytes =
            base64::decode(&text).ok_or_else(|| de::Error::custom("base64 is malformed"))?;
        if let Some(extra) = map.next_key::<Cow<'_, str>>()? {
            return Err(de::Error::unknown_field(&extra, &["base64"]));
        }
        Ok(bytes)
    }
}

fn bytes_schema(description: &str) -> Schema {
    json_schema!({
        "description": description,
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "base64": { "type": "string", "contentEncoding": "base64" } },
                "required": ["base64"],
                "additionalProperties": false
            }
        ]
    })
}

impl Serialize for WirePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for WirePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor).map(Self)
    }
}

impl JsonSchema for WirePath {
    fn schema_name() -> Cow<'static, str> {
        "Path".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        bytes_schema(
            "A path relative to the workspace's root with `/`; base64 when it is not UTF-8.",
        )
    }
}

impl Serialize for WireBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_bytes(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for WireBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor).map(Self)
    }
}

impl JsonSchema for WireBytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        bytes_schema("Content; base64 when it is not UTF-8.")
    }
}

impl Serialize for WirePoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<u64>() {
            Ok(number) => serializer.serialize_u64(number),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for WirePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PointVisitor;
        impl Visitor<'_> for PointVisitor {
            type Value = WirePoint;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a point (a string) or an operation's number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WirePoint, E> {
                Ok(WirePoint(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<WirePoint, E> {
                Ok(WirePoint(number.to_string()))
            }
        }
        deserializer.deserialize_any(PointVisitor)
    }
}

impl JsonSchema for WirePoint {
    fn schema_name() -> Cow<'static, str> {
        "Point".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A moment: `@`, `@-3`, an operation's number, a checkpoint's name, `good`, `10m`, an RFC 3339 time, `turn:-1` or `session:ID`.",
            "anyOf": [{ "type": "string" }, { "type": "integer", "minimum": 0 }]
        })
    }
}
