// must not compile: it has its port already, and a socket has one.

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(socket: UdpSocket<'_, Bound>) {
    let _ = socket.bind(7);
}

fn main() {}
