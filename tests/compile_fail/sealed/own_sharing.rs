// must not compile: an own way of sharing could come without a lock.
// expect: `Sharing` is a "sealed trait"

use sockstate::{Local, Sharing};

enum Unlocked {}

impl Sharing for Unlocked {
    type Lock = <Local as Sharing>::Lock;
    type Driver = <Local as Sharing>::Driver;
}

fn main() {}
