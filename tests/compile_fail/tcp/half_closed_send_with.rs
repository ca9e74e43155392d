// must not compile: filling the buffer in place is sending, and its FIN is sent.

use sockstate::TcpSocket;
use sockstate::state::HalfClosed;

fn misuse(socket: &mut TcpSocket<'_, HalfClosed>) {
    let _ = socket.send_with(|buffer| (buffer.len(), ()));
}

fn main() {}
