//! The JSON Schema of a configuration file, for editors. Generated from the code; the repository's copy is
//! held against it by a test.

use super::Config;

/// The schema as pretty-printed JSON with a final newline.
///
/// # Errors
/// None in practice; serialising a schema into memory does not fail.
pub fn schema() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Config))?;
    text.push('\n');
    Ok(text)
}
