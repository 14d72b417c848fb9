//! Which numbers an adapter has used, so that none is used twice. Kept as ranges: adapters count upwards.

use std::collections::BTreeMap;

/// Ranges at most: an adapter that jumps about more than this is refused further numbers, not given more memory.
const RANGES_MAX: usize = 64 * 1024;

/// The numbers used so far.
#[derive(Debug, Default)]
pub(crate) struct OpIds(BTreeMap<u32, u32>);

impl OpIds {
    /// Marks `id` as used; false if it was already, or if no more can be remembered.
    pub(crate) fn claim(&mut self, id: u32) -> bool {
        let before = self.0.range(..=id).next_back().map(|(start, end)| (*start, *end));
        if before.is_some_and(|(_, end)| end >= id) {
            return false;
        }
        let start = match before {
            Some((start, end)) if end + 1 == id => start,
            Some(_) | None if self.0.len() >= RANGES_MAX => return false,
            Some(_) | None => id,
        };
        let end = id.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(id);
        self.0.insert(start, end);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_once() {
        let mut ids = OpIds::default();
        for id in [5, 7, 6, 0, u32::MAX, u32::MAX - 1, 1] {
            assert!(ids.claim(id), "{id}");
        }
        for id in [0, 1, 5, 6, 7, u32::MAX - 1, u32::MAX] {
            assert!(!ids.claim(id), "{id}");
        }
        assert_eq!(ids.0.len(), 3);
    }
}
