// must not compile: a listener has no connection to close; dropping it ends it.

use sockstate::TcpSocket;
use sockstate::state::Listening;

fn misuse(socket: TcpSocket<'_, Listening>) {
    let _ = socket.close();
}

fn main() {}
