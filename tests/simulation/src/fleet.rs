//! Many seeds at once.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::checks::Violation;
use crate::plan::Plan;
use crate::stats::Stats;
use crate::world::run;

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub seeds: u64,
    pub stats: Stats,
    /// The seeds that broke something, in their order.
    pub broken: Vec<(u64, Violation)>,
}

/// Runs the seeds in two threads, or in as many as there are cores. `tell` hears after each one
/// how it stands.
pub fn run_seeds(seeds: Range<u64>, tell: impl Fn(&Summary) + Sync) -> Summary {
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get());
    let (next, summary) = (AtomicU64::new(seeds.start), Mutex::new(Summary::default()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(&Plan::random(seed));
                    let mut summary = summary.lock().expect("nobody panics with it");
                    summary.seeds += 1;
                    summary.stats.add(&outcome.stats);
                    summary.broken.extend(outcome.violation.map(|violation| (seed, violation)));
                    tell(&summary);
                }
            });
        }
    });
    let mut summary = summary.into_inner().expect("nobody panicked with it");
    summary.broken.sort_by_key(|(seed, _)| *seed);
    summary
}
