//! What the work may cost: less than on embassy-net, and no more time.

use sockstate_economy::executor::Calls;
use sockstate_economy::near::{Embassy, Ours};
use sockstate_economy::work::{Case, Cost, Work};

fn each(look: impl Fn(&Case, Cost, Cost) -> bool) {
    let cases = Case::all();
    let failed: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let (ours, theirs) = (case.cost::<Ours>(), case.cost::<Embassy>());
            (!look(case, ours, theirs)).then(|| format!("{case:?}: {ours:?}, {theirs:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

fn all(cost: Cost) -> Calls {
    let mut calls = cost.runner;
    calls += cost.application;
    calls
}

/// With Nagle's algorithm on, a short request is left to the runner, in case that more joins it: no
/// call is saved then. The first one needs one more, for its alarm.
fn waits_for_more(case: &Case) -> u64 {
    if case.work == Work::TcpRequests { 2 } else { 0 }
}

#[test]
fn the_runner_is_woken_and_polled_less() {
    each(|case, ours, theirs| {
        let more = waits_for_more(case);
        ours.runner.polls < theirs.runner.polls + more
            && ours.runner.wakes < theirs.runner.wakes + more
    });
}

/// A little more where the far end is told of room piece by piece, and sends smaller ones.
#[test]
fn applications_are_woken_and_polled_as_often() {
    each(|_, ours, theirs| {
        ours.application.polls <= theirs.application.polls * 21 / 20
            && ours.application.wakes <= theirs.application.wakes * 107 / 100
    });
}

#[test]
fn all_together_are_woken_and_polled_less() {
    each(|case, ours, theirs| {
        let more = waits_for_more(case);
        all(ours).polls < all(theirs).polls + more && all(ours).wakes < all(theirs).wakes + more
    });
}

/// Nobody sleeps longer for being woken less often; but for those smaller pieces.
#[test]
fn it_takes_about_as_long() {
    each(|_, ours, theirs| ours.time <= theirs.time * 21 / 20);
}

/// Otherwise the table would not be one.
#[test]
fn a_run_gives_the_same_numbers_each_time() {
    for case in Case::all() {
        assert_eq!(case.cost::<Ours>(), case.cost::<Ours>(), "{case:?}");
        assert_eq!(case.cost::<Embassy>(), case.cost::<Embassy>(), "{case:?}");
    }
}
