// must not compile: its connection still receives; a new one needs a new socket.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
