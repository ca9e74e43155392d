// must not compile: a state marks a type and cannot be had.
// expect: expected value, found enum `Connected`

use sockstate::state::Connected;

fn main() {
    let _ = Connected;
}
