// must not compile: the half of a connection sends bytes, and takes nothing in.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: &mut TcpSocket<'_, WriteHalf>) {
    let _ = socket.accept();
}

fn main() {}
