// must not compile: nobody else may give a state another capability.
// expect: only traits defined in the current crate can be implemented for types defined outside of the crate

use sockstate::state::Bound;
use sockstate::state::tcp::CanSend;

impl CanSend for Bound {}

fn main() {}
