// must not compile: it has neither a port nor a peer.

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut UdpSocket<'_, Closed>) {
    let _ = socket.send(b"hello");
}

fn main() {}
