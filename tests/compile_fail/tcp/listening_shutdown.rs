// must not compile: a listener ends when it is dropped, and has no direction to end.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.shutdown();
}

fn main() {}
