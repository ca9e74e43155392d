// must not compile: its old connection is still being delivered.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
