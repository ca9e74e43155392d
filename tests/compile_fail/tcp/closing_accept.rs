// must not compile: what is being closed takes nothing new in.

use sockstate::TcpSocket;
use sockstate::state::Closing;

fn misuse(socket: &mut TcpSocket<'_, Closing>) {
    let _ = socket.accept();
}

fn main() {}
