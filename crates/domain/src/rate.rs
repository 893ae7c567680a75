//! The bucket that a service's requests are counted in (public API contract §7.1).

/// How a bucket stands. It fills up again all the time, by so many requests a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Requests that it serves at once when it is full.
    pub size: u32,
    /// Requests that it serves at once now.
    pub left: u32,
    /// Requests that it gains a minute.
    pub per_minute: u32,
}

impl Bucket {
    /// Tokens in a full bucket: a third of a minute's and one more, at most 1000. The last one is never
    /// handed out.
    #[must_use]
    pub fn capacity(per_minute: u32) -> u32 {
        (per_minute.div_ceil(3) + 1).min(1000)
    }

    /// The bucket with so many tokens in it.
    #[must_use]
    pub fn holding(per_minute: u32, tokens: u32) -> Self {
        let size = Self::capacity(per_minute) - 1;
        Self { size, left: tokens.saturating_sub(1).min(size), per_minute }
    }

    /// Seconds until it is full, if no request comes.
    #[must_use]
    pub fn full_in_seconds(self) -> u64 {
        self.seconds_for(self.size - self.left)
    }

    /// Seconds after which an empty one serves a request again, if none comes before.
    #[must_use]
    pub fn serves_in_seconds(self) -> u64 {
        self.seconds_for(2) // of which one stays
    }

    fn seconds_for(self, tokens: u32) -> u64 {
        (u64::from(tokens) * 60).div_ceil(u64::from(self.per_minute.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_says_what_is_left_and_when_it_is_full() {
        let first = Bucket::holding(60, 20);
        assert_eq!(first, Bucket { size: 20, left: 19, per_minute: 60 });
        assert_eq!((first.full_in_seconds(), first.serves_in_seconds()), (1, 2));
        let empty = Bucket::holding(60, 0);
        assert_eq!((empty.left, empty.full_in_seconds()), (0, 20));
        assert_eq!(Bucket::holding(3000, 999), Bucket { size: 999, left: 998, per_minute: 3000 });
        assert_eq!(Bucket::holding(3000, 0).serves_in_seconds(), 1);
        assert_eq!(Bucket::holding(0, 0), Bucket { size: 0, left: 0, per_minute: 0 });
    }
}
