// must not compile: without a connection there is no queue.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &TcpSocket<'_, Bound>) {
    let _ = socket.receive_queue();
}

fn main() {}
