// must not compile: the port belongs to the connection, not to one half of it.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    let _ = socket.bind(80);
}

fn main() {}
