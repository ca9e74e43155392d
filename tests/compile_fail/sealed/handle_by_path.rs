// must not compile: the handle has no name outside of the crate.
// expect: module `socket` is private

use sockstate::socket::Handle;

fn main() {}
