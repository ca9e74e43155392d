// must not compile: it has no peer whose address could be given.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &TcpSocket<'_, Closed>) {
    let _ = socket.remote_endpoint();
}

fn main() {}
