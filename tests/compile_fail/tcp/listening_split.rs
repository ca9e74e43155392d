// must not compile: a listener has no directions to split.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.split();
}

fn main() {}
