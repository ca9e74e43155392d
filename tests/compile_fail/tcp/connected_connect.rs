// must not compile: it has a peer, and a connection has one.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
