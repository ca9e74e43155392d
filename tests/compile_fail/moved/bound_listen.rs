// must not compile: the bound socket has become the listener.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.listen(4);
    let _ = socket.local_endpoint();
}

fn main() {}
