//! Wall time as a ratio of two stacks. A machine is now fast and now slow, for reasons of its own, and
//! so both are alive in one process and work by turns: what slows one slows the other, and the median
//! of the ratios leaves out the turns in which something else did.

use std::time::Duration;

use crate::near::Near;
use crate::near::bare::{Bare, Tuned};
use crate::near::typed::Typed;
use crate::work::{Bench, Case, Idle, Work};

/// Idle sockets where there are any.
pub const IDLE: usize = 1_023;
/// How many ratios there are.
const PAIRS: usize = 151;
/// Round trips for each half of a pair, alone and beside many.
const TRIPS: [u32; 2] = [400, 50];

/// How many times less time the typed sockets take than bare smoltcp in the tuned style.
pub struct Ratio {
    pub case: Case,
    /// The median, and what it is for a quarter and for three quarters of the pairs.
    pub quartiles: [f64; 3],
}

impl Ratio {
    pub fn median(&self) -> f64 {
        self.quartiles[1]
    }
}

/// Alone, and beside many of each kind.
pub fn measure(works: &[Work]) -> Vec<Ratio> {
    let kinds = Idle::ALL.map(|idle| Some((idle, IDLE)));
    let beside = |work| [None].into_iter().chain(kinds).map(move |idle| Case { work, idle });
    works.iter().copied().flat_map(beside).map(ratio).collect()
}

fn ratio(case: Case) -> Ratio {
    let (mut bare, mut typed) = (case.begin::<Bare<Tuned>>(), case.begin::<Typed>());
    let trips = TRIPS[usize::from(case.idle.is_some())];
    let ratios = (0..PAIRS).map(|pair| {
        // Each is the first one half of the time.
        let first = (pair % 2 == 0).then(|| lap(&mut bare, trips));
        let typed = lap(&mut typed, trips);
        first.unwrap_or_else(|| lap(&mut bare, trips)).as_secs_f64() / typed.as_secs_f64()
    });
    Ratio { case, quartiles: quartiles(ratios.collect()) }
}

/// How long the near end takes for so many times of the work.
fn lap<N: Near>(bench: &mut Bench<N>, times: u32) -> Duration {
    bench.world.watch = Some(Duration::ZERO);
    bench.run(times);
    bench.world.watch.take().unwrap_or_default()
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_disturbed_pairs_leave_the_quartiles_alone() {
        assert_eq!(quartiles(vec![3.0, 90.0, 1.0, 4.0, 2.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(vec![7.0]), [7.0; 3]);
    }
}
