// must not compile: the socket that was bound is the one that `bind` returned.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: UdpSocket<'_, Closed>) {
    let _ = socket.bind(7);
    let _ = socket.bind(8);
}

fn main() {}
