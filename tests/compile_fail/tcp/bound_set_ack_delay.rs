// must not compile: nothing arrives that could be acknowledged later.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut TcpSocket<'_, Bound>) {
    let _ = socket.set_ack_delay(None);
}

fn main() {}
