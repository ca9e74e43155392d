// must not compile: it has its port already, and a socket has one.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.bind(80);
}

fn main() {}
