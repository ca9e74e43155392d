// must not compile: it has neither an address nor a port yet.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &TcpSocket<'_, Closed>) {
    let _ = socket.local_endpoint();
}

fn main() {}
