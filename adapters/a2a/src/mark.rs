//! A short mark of a text: to know it again without keeping it, and to make names.

/// Where FNV-1a begins, with 128 bits.
const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

/// What FNV-1a multiplies by, with 128 bits.
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The FNV-1a mark of bytes that come in pieces. Nobody gains by two texts with the same mark, so it need not be secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u128);

impl Mark {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self(BASIS)
    }

    /// Of a text.
    pub(crate) fn of(text: &str) -> Self {
        Self::new().and(text)
    }

    /// With more behind it.
    pub(crate) fn and(self, text: &str) -> Self {
        Self(text.bytes().fold(self.0, |mark, byte| (mark ^ u128::from(byte)).wrapping_mul(PRIME)))
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_mark_of_the_whole() {
        assert_eq!(Mark::of("one two"), Mark::of("one").and(" two"));
        assert_ne!(Mark::of("one two"), Mark::of("one tow"));
        // The published test vector of `a`.
        assert_eq!(Mark::of("a").to_string(), "d228cb696f1a8caf78912b704e4a8964");
    }
}
