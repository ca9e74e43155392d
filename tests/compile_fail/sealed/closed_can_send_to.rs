// must not compile: nobody else may give a state another capability.
// expect: only traits defined in the current crate can be implemented for types defined outside of the crate

use sockstate::state::Closed;
use sockstate::state::udp::CanSendTo;

impl CanSendTo for Closed {}

fn main() {}
