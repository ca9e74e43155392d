// must not compile: the port belongs to the connection, not to one half of it.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    let _ = socket.bind(80);
}

fn main() {}
