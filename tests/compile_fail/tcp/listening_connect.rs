// must not compile: a listener waits for peers; asking one is for another socket.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>, remote: SocketAddr) {
    let _ = socket.connect(remote);
}

fn main() {}
