// must not compile: a socket is in one of the states that the crate defines.
// expect: `Anything` is not a state of a socket

use sockstate::TcpSocket;

enum Anything {}

fn misuse(_socket: TcpSocket<'_, Anything>) {}

fn main() {}
