// must not compile: only transitions change the state.
// expect: method `into_state` is private

use sockstate::UdpSocket;
use sockstate::state::{Closed, Connected};

fn misuse<'net>(closed: UdpSocket<'net, Closed>) -> UdpSocket<'net, Connected> {
    closed.into_state()
}

fn main() {}
