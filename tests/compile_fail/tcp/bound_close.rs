// must not compile: there is no connection to close.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: TcpSocket<'_, Bound>) {
    let _ = socket.close();
}

fn main() {}
