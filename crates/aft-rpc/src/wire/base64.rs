//! Base64 of RFC 4648, standard alphabet, padded. Nothing else: no line breaks, no URL alphabet.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Six bits as a letter.
fn letter(bits: u32) -> char {
    ALPHABET
        .get((bits & 63) as usize)
        .map_or('A', |b| char::from(*b))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let (a, b, c) = (chunk.first(), chunk.get(1), chunk.get(2));
        let at = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or(0));
        let word = (at(a) << 16) | (at(b) << 8) | at(c);
        text.push(letter(word >> 18));
        text.push(letter(word >> 12));
        text.push(if b.is_some() { letter(word >> 6) } else { '=' });
        text.push(if c.is_some() { letter(word) } else { '=' });
    }
    text
}

/// A letter as six bits.
fn bits(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// `None` for anything that [`encode`] cannot have written, bits after the end included.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|b| **b == b'=').count();
    if padding > 2 {
        return None;
    }
    let digits = text.get(..text.len() - padding)?;
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let mut word = 0_u32;
        for digit in chunk {
            word = (word << 6) | bits(*digit)?;
        }
        let n_missing = 4 - chunk.len();
        word <<= 6 * n_missing;
        let [_, a, b, c] = word.to_be_bytes();
        let (kept, cut): (&[u8], &[u8]) = match n_missing {
            0 => (&[a, b, c], &[]),
            1 => (&[a, b], &[c]),
            _ => (&[a], &[b, c]),
        };
        if cut.iter().any(|b| *b != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}
