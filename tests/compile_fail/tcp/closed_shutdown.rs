// must not compile: it has no sending direction to end.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.shutdown();
}

fn main() {}
