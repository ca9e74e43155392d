// must not compile: it has no send buffer that is going anywhere.

use sockstate::TcpSocket;
use sockstate::state::Closed;

fn misuse(socket: &mut TcpSocket<'_, Closed>) {
    let _ = socket.send_with(|buffer| (buffer.len(), ()));
}

fn main() {}
