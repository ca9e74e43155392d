// must not compile: it is about to ask a peer, not to wait for one.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.listen(1);
}

fn main() {}
