// must not compile: a socket built by hand could claim any state.
// expect: fields `handle` and `state` of struct `IcmpSocket` are private

use std::marker::PhantomData;

use sockstate::IcmpSocket;
use sockstate::state::Bound;

fn misuse<'net>(socket: IcmpSocket<'net, Bound>) -> IcmpSocket<'net, Bound> {
    IcmpSocket { state: PhantomData, ..socket }
}

fn main() {}
