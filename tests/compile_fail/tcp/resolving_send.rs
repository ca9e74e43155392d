// must not compile: nobody knows yet where the host is.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.send(b"hello");
}

fn main() {}
