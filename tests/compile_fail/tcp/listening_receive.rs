// must not compile: a listener receives connections, and those receive bytes.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &mut TcpSocket<'_, Listening>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
