// must not compile: there is nobody to send a RST to.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    socket.abort();
}

fn main() {}
