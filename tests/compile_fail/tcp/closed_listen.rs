// must not compile: without a port there is nothing that a peer could ask for.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.listen(4);
}

fn main() {}
