//! A script: one number for each step. All chance is in it, so that a step that is left out takes nothing else away.

/// A script.
pub type Script = Vec<u64>;

/// The choices of one step, made of its number: 0 chooses the first of everything.
#[derive(Debug, Clone, Copy)]
pub struct Dice(u64);

impl Dice {
    /// The choices that a number stands for.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Less than `sides`.
    pub fn below(&mut self, sides: usize) -> usize {
        let sides = u64::try_from(sides.max(1)).unwrap_or(u64::MAX);
        let chosen = self.0 % sides;
        self.0 /= sides;
        usize::try_from(chosen).unwrap_or_default()
    }

    /// Less than `sides`, as a number of 32 bits.
    pub fn number(&mut self, sides: u8) -> u32 {
        u32::try_from(self.below(usize::from(sides))).unwrap_or_default()
    }

    /// Once in so many times. 0 says no.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of these.
    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// One of the last few: what is long over is dull.
    pub fn recent<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        let few = &all[all.len().saturating_sub(8)..];
        if few.is_empty() { None } else { few.get(self.below(few.len())) }
    }

    /// One of these, each as often as its weight says.
    pub fn weighed<T: Clone>(&mut self, choices: &[(usize, T)]) -> T {
        let mut place = self.below(choices.iter().map(|(weight, _)| weight).sum());
        let mut chosen = &choices[0].1;
        for (weight, choice) in choices {
            chosen = choice;
            if place < *weight {
                break;
            }
            place -= weight;
        }
        chosen.clone()
    }
}

/// Scripts without end, the same for the same seed (xorshift).
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The scripts of a seed.
    pub fn new(seed: u64) -> Self {
        // Xorshift stays at 0 for ever, and small seeds begin alike.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// The next script of so many steps.
    pub fn script(&mut self, steps: usize) -> Script {
        (0..steps).map(|_| self.roll()).collect()
    }
}
