// must not compile: it listens already; a second backlog needs a second listener.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.listen(4);
}

fn main() {}
