// must not compile: the half of a connection has a peer, and takes no others.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    let _ = socket.listen(4);
}

fn main() {}
