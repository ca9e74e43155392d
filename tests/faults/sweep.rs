//! Runs the scenario once for each fault, and asks afterwards whether all is as before.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use sockstate::Error;

use super::device::{Fault, Kind, When};
use super::pair::{End, Pair};
use super::program;
use super::scene::Scene;

/// Longer than a closed connection, in TIME-WAIT or not, keeps its slot.
const CLOSED: u64 = 75;

/// Runs one case, unless another one is asked for, and says which it was if it fails.
pub fn case(name: String, run: impl FnOnce()) {
    if std::env::var("SOCKSTATE_FAULT").is_ok_and(|wanted| wanted != name) {
        return;
    }
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        eprintln!("SOCKSTATE_FAULT={name:?}");
        resume_unwind(panic);
    }
}

/// All slots are free again, and what was bound can be bound.
fn assert_all_is_free(pair: &Pair) {
    for (end, heap) in pair.ends().into_iter().zip(pair.heaps) {
        assert_eq!(end.free(), [heap.tcp, heap.udp, heap.icmp], "slots");
        for port in [7, 53, 90] {
            if heap.tcp > 0 {
                drop(end.stack.tcp().unwrap().bind(port).unwrap().listen(1).unwrap());
            }
            if heap.udp > 0 {
                drop(end.stack.udp().unwrap().bind(port).unwrap());
            }
        }
    }
}

/// What may come of a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// All is complete.
    Complete,
    /// A connection may have ended, or a time limit.
    Ended,
}

/// Runs the scenario, and lets all that it has left be over.
pub fn play(pair: &Pair, outcome: Outcome) {
    play_and_judge(Scene::new(pair), |step, result| {
        let Err(error) = result else { return };
        let is_an_end = error.ends_connection() && error != Error::AddressLost;
        assert!(outcome == Outcome::Ended && is_an_end, "{step}: {error:?}");
    });
}

/// As `play`, with somebody who knows how each step must end.
pub fn play_and_judge(scene: Scene<'_>, judge: impl Fn(&str, Result<(), Error>)) {
    let pair = scene.pair;
    pair.near.stack.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
    for (step, result) in program::run(&scene) {
        judge(step, result);
    }
    let closed = CLOSED + pair.time.went_back.get() as u64 / 1_000_000;
    scene.run_for(closed);
    drop(scene);
    pair.run_for(closed);
    assert_all_is_free(pair);
}

/// How often what a fault strikes at is called in the scenario, near and far.
pub fn calls(kind: Kind) -> [usize; 2] {
    let pair = Pair::new();
    play(&pair, Outcome::Complete);
    pair.ends().map(|end| end.control.calls(kind))
}

/// Which end has the fault.
pub const ENDS: [(&str, fn(&Pair) -> &End); 2] =
    [("near", |pair| &pair.near), ("far", |pair| &pair.far)];

/// Runs the scenario with a fault, and once more without it: nothing of it is left.
pub fn play_with(side: usize, fault: Fault, outcome: Outcome) {
    let (name, end) = ENDS[side];
    case(format!("{name} {fault}"), || {
        let pair = Pair::new();
        let control = &end(&pair).control;
        control.fault.set(Some(fault));
        play(&pair, outcome);
        control.fault.set(None);
        if outcome != Outcome::Complete {
            play(&pair, Outcome::Complete);
        }
    });
}

/// Lets a fault begin at each call in turn, and last for so many calls.
pub fn at_each_call(kind: Kind, times: usize) {
    from_each_call(kind, times, Outcome::Complete);
}

/// Lets a fault begin at each call in turn, and last: everything ends by its time limit, and what
/// comes after that is as if nothing had been.
pub fn for_ever(kind: Kind) {
    from_each_call(kind, usize::MAX, Outcome::Ended);
}

fn from_each_call(kind: Kind, times: usize, outcome: Outcome) {
    for (side, calls) in calls(kind).into_iter().enumerate() {
        assert!(calls > 30, "{calls} calls");
        for first in 1..=calls {
            play_with(side, Fault { kind, when: When::From(first, times) }, outcome);
        }
    }
}

/// Lets a fault strike at every so manieth call.
pub fn at_every(kind: Kind, counts: impl Iterator<Item = usize>, outcome: Outcome) {
    for n in counts {
        for side in 0..ENDS.len() {
            play_with(side, Fault { kind, when: When::Every(n) }, outcome);
        }
    }
}
