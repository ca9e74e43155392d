// must not compile: only states have capabilities.
// expect: `Anything` is not a state of a socket

use sockstate::state::tcp::CanSend;

enum Anything {}

impl CanSend for Anything {}

fn main() {}
