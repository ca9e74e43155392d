// must not compile: after the close there is no connection left to reset.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    let _ = socket.wait();
    socket.abort();
}

fn main() {}
