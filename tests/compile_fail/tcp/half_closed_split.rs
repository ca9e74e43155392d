// must not compile: only the receiving direction is left, and the socket itself is its reader.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.split();
}

fn main() {}
