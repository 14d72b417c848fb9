//! Chance from a seed: the same seed plans the same rounds.

/// A xorshift generator.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        // Seeds that are near to each other are spread, and zero, which would stay zero, is avoided.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1))
    }

    /// A number from 0 to one less than `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The high half is the better one.
        u32::try_from((self.0 >> 32) % u64::from(end.max(1))).unwrap_or_default()
    }

    /// One of the items; none if there is none.
    pub(super) fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        items.get(self.below(u32::try_from(items.len()).unwrap_or(u32::MAX)) as usize)
    }
}
