// must not compile: it has no sending direction to end.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.shutdown();
}

fn main() {}
