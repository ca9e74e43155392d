// must not compile: a listener has nobody to send a RST to.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    socket.abort();
}

fn main() {}
