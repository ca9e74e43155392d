// must not compile: the other half would be left with another peer.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
