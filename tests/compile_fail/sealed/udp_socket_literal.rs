// must not compile: a socket built by hand could claim any state.
// expect: fields `handle`, `extra` and `state` of struct `sockstate::UdpSocket` are private

use std::marker::PhantomData;

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse<'net>(socket: UdpSocket<'net, Connected>) -> UdpSocket<'net, Connected> {
    UdpSocket { state: PhantomData, ..socket }
}

fn main() {}
