// must not compile: the half of a connection has a peer, and takes no others.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    let _ = socket.listen(4);
}

fn main() {}
