// must not compile: a listener stays one; `accept_async` is awaited.
// expect: `TcpSocket<'_, Listening>` is not a future

use sockstate::TcpSocket;
use sockstate::state::Listening;

async fn misuse(listener: TcpSocket<'_, Listening>) {
    let _ = listener.await;
}

fn main() {}
