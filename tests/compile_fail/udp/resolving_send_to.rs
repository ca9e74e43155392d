// must not compile: it is about to have one peer; others are for a bound socket.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: UdpSocket<'_, Resolving<'_>>, remote: SocketAddr) {
    let _ = socket.send_to(b"hello", remote);
}

fn main() {}
