//! Base64 as the peer reads it: what is not of the alphabet is skipped, and the padding counts
//! (public API contract §2.4).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Without padding, and whatever the last bits are.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes; `None` for text that is not ASCII or has a wrong padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let mut digits = Vec::with_capacity(text.len());
    let mut pads = 0;
    for byte in text.bytes() {
        match byte {
            b'=' => {
                // Where too few digits went before, it is one more character to skip.
                let in_group = digits.len() % 4;
                if in_group >= 2 {
                    pads += 1;
                    if in_group + pads == 4 {
                        return ENGINE.decode(&digits).ok(); // what follows is not read
                    }
                }
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                pads = 0;
                digits.push(byte);
            }
            _ => {}
        }
    }
    if digits.len() % 4 == 0 { ENGINE.decode(&digits).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_reads_is_read() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("JVBERg==", b"%PDF"),
            ("JV BE\nRg-_=*=", b"%PDF"),
            ("JVBERh==", b"%PDF"),
            ("JVBERg==JVBE", b"%PDF"),
            ("=JVBE", b"%PD"),
            ("!", b""),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["JVBERg", "JVBERg=", "J", "é", "JVBERg==é", "JVB="] {
            let expected = if text == "JVB=" { Some(&b"%P"[..]) } else { None };
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        }
    }
}
