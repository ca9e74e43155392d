// must not compile: its FIN said that nothing more would come.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: &mut TcpSocket<'_, HalfClosed>) {
    let _ = socket.send(b"hello");
}

fn main() {}
