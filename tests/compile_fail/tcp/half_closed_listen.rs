// must not compile: a connection has its peer, also after its own FIN.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.listen(4);
}

fn main() {}
