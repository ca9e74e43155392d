// must not compile: a stack is shared in one of the two ways that the crate defines.
// expect: `Unlocked` does not say who shares a stack

use sockstate::Net;

enum Unlocked {}

fn misuse(_net: &Net<Unlocked>) {}

fn main() {}
