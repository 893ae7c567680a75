//! A bound on reading the same text again.

use std::cell::Cell;

/// How many bytes may still be read in vain, or read again, or repeated in the output, before the
/// rest of a document gets no more of it.
///
/// A bracket that is never closed, a tag that turns out to be none, a label that is defined
/// nowhere: each costs a look ahead that gains nothing, and thousands of them would cost the
/// square of the length. Texts written by people never come near the bound; once it is reached,
/// what would need another such look is taken for ordinary text.
pub(super) struct Budget(Cell<usize>);

/// What any document may spend, however short.
const BASE: usize = 1 << 20;

/// What a document may spend on each of its bytes.
const PER_BYTE: usize = 16;

impl Budget {
    pub(super) fn for_text(length: usize) -> Self {
        Self(Cell::new(length.saturating_mul(PER_BYTE).saturating_add(BASE)))
    }

    /// Takes `bytes` away; false, and nothing is left, when there is less than that.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        let left = self.0.get().checked_sub(bytes.saturating_add(1));
        self.0.set(left.unwrap_or_default());
        left.is_some()
    }

    /// `found`; when it is nothing, the `bytes` that were read for it are taken away.
    pub(super) fn charge<T>(&self, found: Option<T>, bytes: usize) -> Option<T> {
        if found.is_none() {
            self.spend(bytes);
        }
        found
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_in_vain_is_taken_away() {
        let budget = Budget::for_text(1);
        assert_eq!(budget.charge(Some(1), BASE), Some(1));
        assert!(budget.spend(BASE) && !budget.is_spent());
        assert_eq!(budget.charge(None::<()>, BASE), None);
        assert!(budget.is_spent() && !budget.spend(0));
    }
}
