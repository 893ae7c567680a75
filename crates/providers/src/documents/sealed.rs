//! Encryption at rest. Each document has a key of its own, which nobody has but whoever has its
//! link: it is in no log, no table and no object.

use std::fmt;

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::Error;

const KEY_BYTES: usize = 32;

/// The key of one document.
#[derive(Clone)]
pub(super) struct Key([u8; KEY_BYTES]);

/// What a key seals: one of each, so that each has a nonce to itself.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// What is known of the document.
    Head = 0,
    /// Its bytes.
    Body = 1,
}

impl Key {
    /// A new one.
    pub(super) fn random() -> Result<Self, Error> {
        let mut key = [0; KEY_BYTES];
        match SystemRandom::new().fill(&mut key) {
            Ok(()) => Ok(Self(key)),
            Err(_) => Err(Error::Temporary {
                what: "No random numbers",
                maybe_taken: false,
                throttled: false,
                source: None,
            }),
        }
    }

    /// In hex: digits that no mail program, no Markdown and no typography changes.
    pub(super) fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        from_hex(text)?.try_into().ok().map(Self)
    }

    /// Encrypts a part of the document that is kept at `place`, in its own memory.
    pub(super) fn seal(&self, part: Part, place: &str, mut bytes: Vec<u8>) -> Vec<u8> {
        self.cipher()
            .seal_in_place_append_tag(nonce(part), Aad::from(place), &mut bytes)
            .expect("AES-GCM takes 64 GB at once");
        bytes
    }

    /// Decrypts it. `None` with another key, at another place, or when a bit has changed.
    pub(super) fn open(&self, part: Part, place: &str, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let opened = self.cipher().open_in_place(nonce(part), Aad::from(place), &mut bytes).ok()?;
        let length = opened.len();
        bytes.truncate(length);
        Some(bytes)
    }

    /// What is kept of an address, to know it again.
    pub(super) fn mark(&self, address: &str) -> Vec<u8> {
        hmac::sign(&self.marker(), normal(address).as_bytes()).as_ref().to_vec()
    }

    /// Whether this is the address of a mark. Takes as long for any that is not.
    pub(super) fn is_marked(&self, address: &str, mark: &[u8]) -> bool {
        hmac::verify(&self.marker(), normal(address).as_bytes(), mark).is_ok()
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.0).expect("the key is as long as AES-256's");
        LessSafeKey::new(key)
    }

    /// A key that is used for nothing else.
    fn marker(&self) -> hmac::Key {
        let derived =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), b"confirmation address");
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }
}

/// Capitals and blanks around it make no other address.
fn normal(address: &str) -> String {
    address.trim().to_lowercase()
}

fn nonce(part: Part) -> Nonce {
    let mut nonce = [0; 12];
    nonce[11] = part as u8;
    Nonce::assume_unique_for_key(nonce)
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_part_and_place_open_what_was_sealed() {
        let key = Key::random().unwrap();
        let sealed = key.seal(Part::Body, "2026-11-25/1", b"a secret".to_vec());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = Key::from_hex(&key.to_hex()).unwrap();
        let open = |key: &Key, part, place| key.open(part, place, sealed.clone());
        assert_eq!(open(&again, Part::Body, "2026-11-25/1").unwrap(), b"a secret");
        assert_eq!(open(&key, Part::Head, "2026-11-25/1"), None);
        assert_eq!(open(&key, Part::Body, "2027-11-25/1"), None);
        assert_eq!(open(&Key::random().unwrap(), Part::Body, "2026-11-25/1"), None);
        let mut changed = sealed.clone();
        changed[0] ^= 1;
        assert_eq!(key.open(Part::Body, "2026-11-25/1", changed), None);
        assert_eq!(key.open(Part::Body, "2026-11-25/1", Vec::new()), None);
    }

    #[test]
    fn an_address_is_known_again_and_not_kept() {
        let key = Key::random().unwrap();
        let mark = key.mark("Ada@Example.com");
        assert!(key.is_marked(" ada@example.com\n", &mark));
        assert!(!key.is_marked("bob@example.com", &mark));
        assert!(!Key::random().unwrap().is_marked("ada@example.com", &mark));
    }

    #[test]
    fn hex_is_read_whole_or_not_at_all() {
        assert_eq!(from_hex("00fF"), Some(vec![0, 255]));
        for text in ["0", "0g", "+1", "é", " 0"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
        assert!(Key::from_hex("00").is_none());
    }
}
