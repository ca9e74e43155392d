// must not compile: a connection has its peer; it takes no others.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.listen(4);
}

fn main() {}
