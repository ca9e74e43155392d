// must not compile: the connection is finished already.

use sockstate::TcpSocket;
use sockstate::state::Connected;

fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.finish();
}

fn main() {}
