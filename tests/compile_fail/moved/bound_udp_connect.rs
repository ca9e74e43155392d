// must not compile: the socket that is tied to a peer is the one that `connect` returned.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Bound;

fn misuse(mut socket: UdpSocket<'_, Bound>, remote: SocketAddr) {
    let _ = socket.connect(remote);
    let _ = socket.send_to(b"hello", remote);
}

fn main() {}
