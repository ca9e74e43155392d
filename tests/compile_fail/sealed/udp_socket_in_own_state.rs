// must not compile: a socket is in one of the states that the crate defines.
// expect: `Anything` is not a state of a socket

use sockstate::UdpSocket;

enum Anything {}

fn misuse(_socket: UdpSocket<'_, Anything>) {}

fn main() {}
