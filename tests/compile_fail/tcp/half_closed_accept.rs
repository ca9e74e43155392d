// must not compile: a connection is what `accept` gives, not what accepts.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: &mut TcpSocket<'_, HalfClosed>) {
    let _ = socket.accept();
}

fn main() {}
