// must not compile: nobody can have asked a socket that has no port.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.accept();
}

fn main() {}
