// must not compile: only transitions change the state.
// expect: method `into_state` is private

use sockstate::TcpSocket;
use sockstate::state::{Bound, Connected};

fn misuse<'net>(bound: TcpSocket<'net, Bound>) -> TcpSocket<'net, Connected> {
    bound.into_state()
}

fn main() {}
