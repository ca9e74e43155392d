// must not compile: only a listener is given connections.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(mut socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.accept();
}

fn main() {}
