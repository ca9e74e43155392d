// must not compile: awaiting a socket uses it up, as the next state takes its place.
// expect: use of moved value: `connecting`

use sockstate::TcpSocket;
use sockstate::state::Connecting;

async fn misuse(connecting: TcpSocket<'_, Connecting>) {
    let _ = connecting.await;
    let _ = connecting.finish();
}

fn main() {}
