// must not compile: a half changes by `reunite`, not by time.

use sockstate::TcpSocket;
use sockstate::state::ReadHalf;

fn misuse(socket: TcpSocket<'_, ReadHalf>) {
    let _ = socket.wait();
}

fn main() {}
