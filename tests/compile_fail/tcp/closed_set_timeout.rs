// must not compile: the option is one of a connection, and `connect` would forget it.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.set_timeout(None);
}

fn main() {}
