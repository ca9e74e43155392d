// must not compile: a half changes by `reunite`, not by time.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: TcpSocket<'_, WriteHalf>) {
    let _ = socket.wait();
}

fn main() {}
