// must not compile: the port is part of what identifies the connection, which still receives.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: TcpSocket<'_, HalfClosed>) {
    let _ = socket.bind(80);
}

fn main() {}
