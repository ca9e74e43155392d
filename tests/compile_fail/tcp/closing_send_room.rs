// must not compile: room for what may no longer be sent means nothing.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: &TcpSocket<'_, Closing>) {
    let _ = socket.send_room();
}

fn main() {}
