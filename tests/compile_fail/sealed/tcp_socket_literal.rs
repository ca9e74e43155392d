// must not compile: a socket built by hand could claim any state.
// expect: fields `handle`, `extra` and `state` of struct `TcpSocket` are private

use std::marker::PhantomData;

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse<'net>(socket: TcpSocket<'net, Connected>) -> TcpSocket<'net, Connected> {
    TcpSocket { state: PhantomData, ..socket }
}

fn main() {}
