// must not compile: a listener has no peer; `accept` gives the address of each.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &TcpSocket<'_, Listening>) {
    let _ = socket.remote_endpoint();
}

fn main() {}
