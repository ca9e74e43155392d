// must not compile: the socket that asked for a connection is the one that `connect` returned.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>, remote: SocketAddr) {
    let _ = socket.connect(remote);
    let _ = socket.bind(80);
}

fn main() {}
