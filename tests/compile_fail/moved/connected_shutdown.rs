// must not compile: nothing can be sent after the FIN.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(mut socket: TcpSocket<'_, Connected>) {
    let _ = socket.shutdown();
    let _ = socket.send(b"hello");
}

fn main() {}
