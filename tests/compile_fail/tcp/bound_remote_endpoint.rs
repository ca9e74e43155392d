// must not compile: it has no peer whose address could be given.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &TcpSocket<'_, Bound>) {
    let _ = socket.remote_endpoint();
}

fn main() {}
