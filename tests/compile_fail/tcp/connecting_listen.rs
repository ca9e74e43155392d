// must not compile: it is asking for a connection, so it cannot wait to be asked.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.listen(4);
}

fn main() {}
