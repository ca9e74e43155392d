// must not compile: it has a peer; another one comes after `disconnect`.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Connected;

fn misuse(socket: UdpSocket<'_, Connected>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
