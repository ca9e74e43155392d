// must not compile: an aborted connection is gone, with what it had received.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    socket.abort();
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
