// must not compile: a listener has no next state; `accept` is what polls it.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &mut TcpSocket<'_, Listening>) {
    let _ = socket.poll();
}

fn main() {}
