// must not compile: a function that takes a `Net` expects to be alone on the stack.
// expect: mismatched types

use sockstate::device::{Plug, StdClock};
use sockstate::{Net, Shared, Stack};

fn alone(_net: &Net) {}

fn misuse(stack: &Stack<Plug, StdClock, Shared>) {
    alone(stack);
}

fn main() {}
