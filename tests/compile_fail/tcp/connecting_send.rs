// must not compile: the peer has not agreed to the connection yet.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: &mut TcpSocket<'_, Connecting>) {
    let _ = socket.send(b"hello");
}

fn main() {}
