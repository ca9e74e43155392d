// must not compile: the address of the peer is what is being looked up.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.remote_endpoint();
}

fn main() {}
