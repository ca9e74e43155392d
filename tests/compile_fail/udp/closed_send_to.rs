// must not compile: without a port of its own it could not be answered.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut UdpSocket<'_, Closed>, remote: SocketAddr) {
    let _ = socket.send_to(b"hello", remote);
}

fn main() {}
