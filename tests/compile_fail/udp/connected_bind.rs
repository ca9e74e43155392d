// must not compile: `connect` gave it a port, and a socket has one.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: UdpSocket<'_, Connected>) {
    let _ = socket.bind(7);
}

fn main() {}
