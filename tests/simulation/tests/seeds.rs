//! Seeds: that all holds, that each replays, and that all of it is looked at.

use sockstate_simulation::{Invariant, Plan, run, run_seeds};

const SEEDS: u64 = 300;

#[test]
fn all_holds_for_many_seeds() {
    let summary = run_seeds(0..SEEDS, |_| {});
    assert_eq!(summary.broken, [], "replay with --seed N");
    assert_eq!(summary.seeds, SEEDS);
    for invariant in Invariant::ALL.iter().filter(|invariant| **invariant != Invariant::Panic) {
        let checks = summary.stats.checks.of(*invariant);
        assert!(checks > SEEDS, "{invariant:?} was looked at {checks} times");
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in 0..20 {
        let plan = Plan::random(seed);
        assert_eq!(plan, Plan::random(seed));
        let (one, other) = (run(&plan), run(&plan));
        assert_eq!(one.hash, other.hash, "seed {seed}");
        assert_eq!(one.stats, other.stats, "seed {seed}");
    }
    assert_ne!(run(&Plan::random(1)).hash, run(&Plan::random(2)).hash);
}
