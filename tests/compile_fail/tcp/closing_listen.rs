// must not compile: the connection has to end before its slot can serve as a listener.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: TcpSocket<'_, Closing>) {
    let _ = socket.listen(4);
}

fn main() {}
