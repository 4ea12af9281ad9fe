//! Values as they travel on the socket, read independently of the product's own code.

use serde_json::Value;

/// A path or string on the wire: text, or base64 where it is not UTF-8.
pub(crate) fn wire_bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let text = value["base64"].as_str().expect("a path on the wire");
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        held = (held << 6) | u32::from(digit(byte));
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).expect("one byte"));
        }
    }
    bytes
}
