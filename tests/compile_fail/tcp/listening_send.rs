// must not compile: a listener has no peer; the connections it gives have.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &mut TcpSocket<'_, Listening>) {
    let _ = socket.send(b"hello");
}

fn main() {}
