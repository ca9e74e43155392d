// must not compile: a listener stays one; it is asked for connections with `accept`.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.wait();
}

fn main() {}
