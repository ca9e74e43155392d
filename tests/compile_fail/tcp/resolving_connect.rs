// must not compile: it is about to connect to the host that was named.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
