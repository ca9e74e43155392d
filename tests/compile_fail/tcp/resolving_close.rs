// must not compile: there is no connection to close yet; dropping it ends the look-up.

use sockstate::TcpSocket;
use sockstate::state::Resolving;

fn misuse(socket: TcpSocket<'_, Resolving<'_>>) {
    let _ = socket.close();
}

fn main() {}
