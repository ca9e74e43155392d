// must not compile: no connection exists yet that could be closed with a FIN.

use sockstate::TcpSocket;
use sockstate::state::Connecting;

fn misuse(socket: TcpSocket<'_, Connecting>) {
    let _ = socket.close();
}

fn main() {}
