// must not compile: only states have capabilities.
// expect: `Anything` is not a state of a socket

use sockstate::state::udp::CanReceiveFrom;

enum Anything {}

impl CanReceiveFrom for Anything {}

fn main() {}
