// must not compile: a port alone takes nothing in before `listen`.

use sockstate::TcpSocket;
use sockstate::state::Bound;

fn misuse(socket: &mut TcpSocket<'_, Bound>) {
    let _ = socket.accept();
}

fn main() {}
