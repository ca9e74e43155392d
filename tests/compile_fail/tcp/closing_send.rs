// must not compile: its FIN said that nothing more would come.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: &mut TcpSocket<'_, Closing>) {
    let _ = socket.send(b"hello");
}

fn main() {}
