// must not compile: it has not asked for a connection that could be finished.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.finish();
}

fn main() {}
