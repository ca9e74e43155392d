// must not compile: receiving is for the other half alone.

use sockstate::TcpSocket;
use sockstate::state::WriteHalf;

fn misuse(socket: &mut TcpSocket<'_, WriteHalf>) {
    let _ = socket.receive(&mut [0; 16]);
}

fn main() {}
