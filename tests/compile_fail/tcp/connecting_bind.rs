// must not compile: the SYN has been sent from a port, and the answer comes back to that one.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.bind(80);
}

fn main() {}
