//! Bytes survive the wire, whatever they are; nothing ambiguous is read.

use std::path::Path;

use super::*;

fn round_trip(bytes: &[u8]) -> String {
    let text = serde_json::to_string(&WirePath(bytes.to_vec())).unwrap();
    assert_eq!(
        serde_json::from_str::<WirePath>(&text).unwrap().0,
        bytes,
        "{text}"
    );
    text
}

#[test]
fn utf_8_travels_as_a_string_and_anything_else_as_base64() {
    assert_eq!(round_trip(b"src/a.rs"), "\"src/a.rs\"");
    assert_eq!(round_trip("ä\n\"".as_bytes()), r#""ä\n\"""#);
    assert_eq!(round_trip(b"a\xff"), r#"{"base64":"Yf8="}"#);
    assert_eq!(round_trip(b"\xff\xfe\xfd"), r#"{"base64":"//79"}"#);
    assert_eq!(round_trip(b"\x80"), r#"{"base64":"gA=="}"#);
}

#[test]
fn every_length_and_byte_survives_base64() {
    let bytes: Vec<u8> = (0..=255).rev().collect();
    for length in 0..=bytes.len() {
        let text = base64::encode(&bytes[..length]);
        assert_eq!(base64::decode(&text).unwrap(), &bytes[..length]);
    }
}

#[test]
fn base64_that_encode_cannot_have_written_is_refused() {
    for text in [
        "A", "AB=", "====", "A===", "AB\nC", "A-_=", "AB==CD==", "AR==", "AAB=",
    ] {
        assert_eq!(base64::decode(text), None, "{text}");
    }
}

#[test]
fn an_object_with_anything_but_base64_is_no_path() {
    for text in [
        r#"{"base63":"AA=="}"#,
        "{}",
        r#"{"base64":"AA==","x":1}"#,
        r#"{"base64":"!"}"#,
        "7",
        "null",
    ] {
        assert!(serde_json::from_str::<WirePath>(text).is_err(), "{text}");
    }
}

#[test]
fn a_path_is_taken_relative_to_the_root_and_never_out_of_it() {
    let root = Path::new("/home/u/p");
    let within = |text: &str| WirePath::from(text).within(root).map(|path| path.display());
    assert_eq!(within("src/a.rs").unwrap(), "src/a.rs");
    assert_eq!(within("./src/").unwrap(), "src");
    assert_eq!(within(".").unwrap(), "");
    assert_eq!(within("").unwrap(), "");
    assert_eq!(within("/home/u/p").unwrap(), "");
    assert_eq!(within("/home/u/p/src").unwrap(), "src");
    assert_eq!(
        within("/home/u/pq"),
        Err(PathRefused::Outside("/home/u/pq".to_owned()))
    );
    assert_eq!(
        within("/etc/passwd"),
        Err(PathRefused::Outside("/etc/passwd".to_owned()))
    );
    assert!(matches!(
        within("a/../../x"),
        Err(PathRefused::Malformed(..))
    ));
    assert!(matches!(
        within("/home/u/p/../x"),
        Err(PathRefused::Malformed(..))
    ));
}

#[test]
fn a_time_has_nanoseconds_in_utc_and_reads_any_offset() {
    let time = WireTime(1_790_000_000_000_000_001);
    assert_eq!(time.to_string(), "2026-09-21T14:13:20.000000001Z");
    assert_eq!(
        serde_json::to_string(&WireTime(0)).unwrap(),
        "\"1970-01-01T00:00:00.000000000Z\""
    );
    assert_eq!(
        WireTime::parse("2026-09-21T16:13:20.000000001+02:00"),
        Some(time)
    );
    assert_eq!(WireTime::parse("yesterday"), None);
}

#[test]
fn a_point_is_a_string_or_a_number() {
    assert_eq!(
        serde_json::from_str::<WirePoint>("142").unwrap(),
        WirePoint::from(142)
    );
    assert_eq!(
        serde_json::from_str::<WirePoint>("\"142\"").unwrap(),
        WirePoint::from("142")
    );
    assert_eq!(
        serde_json::to_string(&WirePoint::from("@-3")).unwrap(),
        "\"@-3\""
    );
    assert_eq!(serde_json::to_string(&WirePoint::from(7)).unwrap(), "7");
    assert!(serde_json::from_str::<WirePoint>("-1").is_err());
}
