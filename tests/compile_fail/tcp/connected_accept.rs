// must not compile: a connection is what `accept` gives, not what accepts.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: &mut TcpSocket<'_, Connected>) {
    let _ = socket.accept();
}

fn main() {}
