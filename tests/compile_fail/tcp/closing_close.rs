// must not compile: it is being closed already.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    let _ = socket.close();
}

fn main() {}
