//! Random numbers for ephemeral ports, for the transactions of look-ups, and for the key of the
//! socket table.

/// SplitMix64: one multiplication chain a number. Whoever does not know the seed cannot guess its
/// numbers (RFC 6056 section 3.3.1, RFC 5452 section 4); it is no cryptographic generator, which
/// would keep its state from those who see many numbers and can compute for long.
#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The seed of smoltcp's own generator, from which no short way leads back to the stack's seed:
/// that generator shows its state to every peer, in the initial sequence numbers.
pub(crate) fn interface_seed(seed: u64) -> u64 {
    // Each number alone could be traced back, the two together not.
    let mut rng = Rng::new(!seed);
    rng.next() ^ rng.next().rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What others publish as its first numbers from this seed.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973] {
            assert_eq!(rng.next(), expected);
        }
    }

    #[test]
    fn the_seed_of_the_interface_is_none_of_the_numbers_of_the_stack() {
        const SEEDS: u64 = 1_000;
        let mut ones = [0_u32; 64];
        for seed in 0..SEEDS {
            let mut rng = Rng::new(seed);
            let numbers = [rng.next(), rng.next()];
            let found = interface_seed(seed);
            assert!(!numbers.contains(&found), "seed {seed}");
            assert_ne!(found, numbers[0] ^ numbers[1].rotate_left(32), "seed {seed}");
            (0..64).for_each(|bit| ones[bit] += (found >> bit & 1) as u32);
        }
        // Half of the seeds, give or take six standard deviations.
        assert!(ones.iter().all(|ones| ones.abs_diff(500) < 96), "{ones:?}");
    }
}
