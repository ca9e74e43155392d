// must not compile: the other half may still be receiving.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    let _ = socket.close();
}

fn main() {}
