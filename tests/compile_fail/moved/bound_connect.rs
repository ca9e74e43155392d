// must not compile: a socket that has asked for a connection cannot become a listener as well.

use std::net::SocketAddr;

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>, remote: SocketAddr) {
    let _ = socket.connect(remote);
    let _ = socket.listen(4);
}

fn main() {}
