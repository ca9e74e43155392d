//! Networks of two to eight stacks, this library's and bare smoltcp's, in virtual time: what goes
//! wrong on the way, what applications do, and all else that is random follows from a seed.
//!
//! A [`Plan`] says all that happens. [`run`] runs it and checks what must hold ([`Invariant`]);
//! [`shrink`] makes a plan that breaks something as short as it can.

mod checks;
mod content;
mod cx;
mod fleet;
mod ledger;
mod net;
mod node;
mod plan;
mod rng;
mod shrink;
mod soak;
mod stats;
mod world;

use std::fmt;

pub use checks::{Checks, Invariant, Violation};
pub use fleet::{Summary, run_seeds};
pub use plan::{Act, Action, Kind, Plan, Plant, What};
pub use shrink::shrink;
pub use soak::{Soak, soak};
pub use stats::Stats;
pub use world::{Outcome, run, run_and_print};

/// A moment or a span, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// The name of a node, or one that nobody has.
fn name_of(node: Option<usize>) -> &'static str {
    const NAMES: [&str; 8] =
        ["n0.test", "n1.test", "n2.test", "n3.test", "n4.test", "n5.test", "n6.test", "n7.test"];
    node.and_then(|node| NAMES.get(node)).copied().unwrap_or("nobody.test")
}
