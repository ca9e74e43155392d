// must not compile: nothing can wait to be acknowledged without a peer.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &TcpSocket<'_, Bound>) {
    let _ = socket.send_queue();
}

fn main() {}
