// must not compile: there is no connection to be kept alive.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut TcpSocket<'_, Bound>) {
    let _ = socket.set_keep_alive(None);
}

fn main() {}
