//! The dice: of a seed, or of the bytes of a fuzzer.

use std::vec::Vec;

use crate::stack::rng::Rng;

pub(super) enum Dice {
    #[cfg(test)]
    Seeded(Rng),
    /// What is left of the bytes, in reverse order.
    #[cfg(fuzzing)]
    Given(Vec<u8>),
}

impl Dice {
    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Dice::Seeded(Rng::new(seed))
    }

    #[cfg(fuzzing)]
    pub(super) fn given(bytes: &[u8]) -> Self {
        Dice::Given(bytes.iter().rev().copied().collect())
    }

    /// Whether all bytes were used: every throw is a zero from then on.
    #[cfg(fuzzing)]
    pub(super) fn are_used_up(&self) -> bool {
        matches!(self, Dice::Given(left) if left.is_empty())
    }

    /// A number of any size, or of four bytes of a fuzzer.
    pub(super) fn number(&mut self) -> u64 {
        match self {
            #[cfg(test)]
            Dice::Seeded(rng) => rng.next(),
            #[cfg(fuzzing)]
            Dice::Given(left) => take(left, 4),
        }
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        let number = match self {
            #[cfg(test)]
            Dice::Seeded(rng) => rng.next(),
            // As few bytes as will do: then each of them matters.
            #[cfg(fuzzing)]
            Dice::Given(left) => take(left, if limit <= 256 { 1 } else { 2 }),
        };
        (number % limit as u64) as usize
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        match self {
            #[cfg(test)]
            Dice::Seeded(rng) => (0..len).map(|_| rng.next() as u8).collect(),
            // What is only data is not worth the bytes.
            #[cfg(fuzzing)]
            Dice::Given(left) if len > LONGEST_NOISE => {
                let mut rng = Rng::new(take(left, 1));
                (0..len).map(|_| rng.next() as u8).collect()
            }
            #[cfg(fuzzing)]
            Dice::Given(left) => (0..len).map(|_| left.pop().unwrap_or(0)).collect(),
        }
    }
}

/// The most bytes of a frame that is all noise.
#[cfg(fuzzing)]
const LONGEST_NOISE: usize = 80;

#[cfg(fuzzing)]
fn take(left: &mut Vec<u8>, bytes: usize) -> u64 {
    (0..bytes).fold(0, |number, _| number << 8 | u64::from(left.pop().unwrap_or(0)))
}
