//! The oracle with a fuzzer's dice.

use super::{Dice, World};

/// The most steps of one run.
const STEPS: u32 = 200;

/// Runs the router beside one plain set of sockets, as the bytes say. The first chooses the medium,
/// the networks and the keys.
///
/// # Panics
///
/// If the two differ.
pub fn fuzz_router(data: &[u8]) {
    let Some((seed, dice)) = data.split_first() else { return };
    let mut world = World::new((*seed).into(), Dice::given(dice));
    while world.step < STEPS && !world.dice.are_used_up() {
        world.run_step();
        world.step += 1;
    }
}
