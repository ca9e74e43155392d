// must not compile: the port is in use until the close is complete.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    let _ = socket.bind(80);
}

fn main() {}
