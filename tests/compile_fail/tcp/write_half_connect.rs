// must not compile: the other half would be left with another peer.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
