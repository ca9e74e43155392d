// must not compile: what still arrives for a closed connection is thrown away.
// expect: a TCP socket in state `Closing` cannot receive

use sockstate::TcpSocket;
use sockstate::state::Closing;

async fn misuse(mut socket: TcpSocket<'_, Closing>) {
    let _ = socket.receive_async(&mut [0; 8]).await;
}

fn main() {}
