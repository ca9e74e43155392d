// must not compile: a listener has no bytes to look at.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &mut TcpSocket<'_, Listening>) {
    let _ = socket.peek(&mut [0; 16]);
}

fn main() {}
