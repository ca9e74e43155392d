// must not compile: there is nobody to send a RST to.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    socket.abort();
}

fn main() {}
