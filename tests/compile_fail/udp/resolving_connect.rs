// must not compile: it is about to be tied to the host that was named.

use std::net::SocketAddr;

use sockstate::UdpSocket;
use sockstate::state::Resolving;

fn misuse(socket: UdpSocket<'_, Resolving<'_>>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
