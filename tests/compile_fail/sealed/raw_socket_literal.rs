// must not compile: a socket built by hand could claim any state.
// expect: fields `handle` and `state` of struct `RawSocket` are private

use std::marker::PhantomData;

use sockstate::RawSocket;
use sockstate::state::Bound;

fn misuse<'net>(socket: RawSocket<'net, Bound>) -> RawSocket<'net, Bound> {
    RawSocket { state: PhantomData, ..socket }
}

fn main() {}
