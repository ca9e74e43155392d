// must not compile: the option is one of a connection; a listener does not pass it on.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: &mut TcpSocket<'_, Listening>) {
    let _ = socket.set_nagle(false);
}

fn main() {}
