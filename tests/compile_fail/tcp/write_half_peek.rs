// must not compile: looking at what was received is for the reading half.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: &mut TcpSocket<'_, WriteHalf>) {
    let _ = socket.peek(&mut [0; 16]);
}

fn main() {}
