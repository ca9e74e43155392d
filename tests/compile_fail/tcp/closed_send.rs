// must not compile: it has no peer to send to.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.send(b"hello");
}

fn main() {}
