// must not compile: there is no connection to close.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: TcpSocket<'_, Closed>) {
    let _ = socket.close();
}

fn main() {}
