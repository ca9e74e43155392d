// must not compile: no connection exists yet that could be reset.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    socket.abort();
}

fn main() {}
