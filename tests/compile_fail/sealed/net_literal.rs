// must not compile: a stack comes from its constructors.
// expect: cannot construct `sockstate::Net<_, _>` with struct literal syntax due to private fields

use sockstate::Net;

fn misuse() {
    let _net: &Net = &Net {};
}

fn main() {}
