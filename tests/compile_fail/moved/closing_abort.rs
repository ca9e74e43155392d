// must not compile: an aborted connection is gone; there is no close left to wait for.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    socket.abort();
    let _ = socket.wait();
}

fn main() {}
