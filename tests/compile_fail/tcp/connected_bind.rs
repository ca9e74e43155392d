// must not compile: the port is part of what identifies the connection.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.bind(80);
}

fn main() {}
