// must not compile: it has asked one peer already, and must hear from that one first.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
