//! Chance, the same for the same seed.

use crate::id::Ids;

/// Xorshift: enough chance for a test.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() % sides as u64).unwrap()
    }

    /// Once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn flip(&mut self) -> bool {
        self.once_in(2)
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub(super) fn small(&mut self) -> u32 {
        u32::try_from(self.below(4)).unwrap()
    }

    /// One of a few identifiers of a kind, so that the same ones come up again.
    pub(super) fn id<T>(&mut self, new: impl Fn(&mut Ids<'_>) -> T) -> T {
        let bits = u128::from(self.small());
        new(&mut Ids::new(&mut || bits))
    }

    /// It is there, mostly.
    pub(super) fn mostly<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.once_in(8) { None } else { Some(make(self)) }
    }

    /// It is there, or not.
    pub(super) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.flip() { Some(make(self)) } else { None }
    }

    pub(super) fn few<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(4)).map(|_| make(self)).collect()
    }

    /// What somebody from outside may say: short, nothing, long, or in several lines.
    pub(super) fn text(&mut self) -> String {
        let long = "long ".repeat(2000);
        self.of(&["echo", "yes", "browser", "", " ", "two\nlines", "Grüße\r\n\"'`{}", long.as_str()])
            .to_owned()
    }

    /// What names something: one of a few, and now and then what nobody would call it.
    pub(super) fn name(&mut self) -> String {
        if self.once_in(6) { self.text() } else { self.of(&["ann", "bob", "echo", "pi"]).to_owned() }
    }

    pub(super) fn amount(&mut self) -> f64 {
        self.of(&[0.0, 0.5, 1.0, 5.0, 10.0, -1.0, 1e300, f64::NAN, f64::INFINITY])
    }

    pub(super) fn value(&mut self) -> serde_json::Value {
        let text = self.text();
        self.of(&[
            serde_json::json!(null),
            serde_json::json!({}),
            serde_json::json!({ "methodId": text }),
            serde_json::json!([1]),
            serde_json::json!(text),
            serde_json::json!({ "uncertainty": 1 }),
        ])
    }
}
