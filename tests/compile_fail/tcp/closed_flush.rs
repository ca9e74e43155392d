// must not compile: nothing can wait to be acknowledged without a peer.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.flush();
}

fn main() {}
