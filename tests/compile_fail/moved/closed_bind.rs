// must not compile: the socket that was bound is the one that `bind` returned.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.bind(80);
    let _ = socket.bind(81);
}

fn main() {}
