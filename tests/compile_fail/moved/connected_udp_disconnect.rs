// must not compile: the peer is given up.

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: UdpSocket<'_, Connected>) {
    let _ = socket.disconnect();
    let _ = socket.send(b"hello");
}

fn main() {}
