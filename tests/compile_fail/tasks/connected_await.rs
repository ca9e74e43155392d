// must not compile: a connection is where it is going; its calls are awaited, not itself.
// expect: `TcpSocket<'_, Connected>` is not a future

use sockstate::TcpSocket;
use sockstate::state::Connected;

async fn misuse(socket: TcpSocket<'_, Connected>) {
    let _ = socket.await;
}

fn main() {}
