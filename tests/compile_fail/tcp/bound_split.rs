// must not compile: it has no directions to split.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.split();
}

fn main() {}
