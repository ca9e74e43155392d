// must not compile: the local address follows from that of the peer.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.local_endpoint();
}

fn main() {}
