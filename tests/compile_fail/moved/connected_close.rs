// must not compile: a closed connection can no longer be used.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    let _ = socket.close();
    let _ = socket.send(b"hello");
}

fn main() {}
