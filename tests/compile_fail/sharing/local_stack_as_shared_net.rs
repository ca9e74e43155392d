// must not compile: a function that takes a `Net<Shared>` may use it from anywhere.
// expect: mismatched types

use sockstate::device::{Plug, StdClock};
use sockstate::{Local, Net, Shared, Stack};

fn from_anywhere(_net: &Net<Shared>) {}

fn misuse(stack: &Stack<Plug, StdClock, Local>) {
    from_anywhere(stack);
}

fn main() {}
