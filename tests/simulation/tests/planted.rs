//! What is done wrong on purpose is found, and made short.

use sockstate_simulation::{Invariant, Plan, Plant, Violation, run, shrink};

/// In how many seeds it is looked for.
const SEEDS: u64 = 20;

fn planted(seed: u64, plant: Plant) -> Plan {
    Plan { plant: Some(plant), ..Plan::random(seed) }
}

fn find(plant: Plant, invariant: Invariant) -> Option<(Plan, Violation)> {
    (0..SEEDS).map(|seed| planted(seed, plant)).find_map(|plan| {
        let violation = run(&plan).violation.filter(|found| found.invariant == invariant)?;
        Some((plan, violation))
    })
}

#[test]
fn each_check_finds_what_is_planted_for_it() {
    for (plant, invariant) in Plant::ALL {
        assert!(find(plant, invariant).is_some(), "{plant:?} broke nothing");
    }
    for invariant in Invariant::ALL {
        let has_plant = Plant::ALL.iter().any(|(_, of)| of == invariant);
        assert!(has_plant, "nothing is planted for {invariant:?}");
    }
}

#[test]
fn what_breaks_is_made_short() {
    let (plan, violation) = find(Plant::WrongByte, Invariant::Stream).unwrap();
    let (short, broken) = shrink(&plan, &violation);
    // A listener, somebody who connects, and the two nodes that they are on.
    assert!(short.size() <= 4, "{} of {} are left:\n{short}", short.size(), plan.size());
    assert_eq!(run(&short).violation, Some(broken));
    assert!(short.end <= plan.end);
}
