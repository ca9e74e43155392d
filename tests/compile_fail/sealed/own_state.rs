// must not compile: an own state would have whatever capabilities its author likes.
// expect: `State` is a "sealed trait"

use sockstate::state::State;

enum Anything {}

impl State for Anything {
    type Next = sockstate::state::Connected;
}

fn main() {}
