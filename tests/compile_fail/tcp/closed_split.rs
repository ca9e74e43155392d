// must not compile: it has no directions to split.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.split();
}

fn main() {}
