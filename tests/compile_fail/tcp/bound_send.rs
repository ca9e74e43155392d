// must not compile: a local port alone gives no peer to send to.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut TcpSocket<'_, Bound>) {
    let _ = socket.send(b"hello");
}

fn main() {}
