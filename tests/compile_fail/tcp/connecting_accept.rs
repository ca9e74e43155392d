// must not compile: it asks for a connection, nobody asks it.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: &mut TcpSocket<'_, Connecting>) {
    let _ = socket.accept();
}

fn main() {}
