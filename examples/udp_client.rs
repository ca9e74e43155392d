//! The classic UDP client: bind to a local port, connect, send 16 bytes, close.
//!
//! ```sh
//! cargo run --example udp_client
//! cargo run --example udp_client -- --tap tap0 --remote 192.168.69.2:7 --pcap udp.pcap
//! ```

mod common;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::{Idle, Options, Outcome};
use sockstate::state::Connected;
use sockstate::{Net, UdpSocket, nb};

fn main() -> Outcome {
    Options::from_args().run(common::peer::echo, client)
}

fn client(net: &Net, server: SocketAddr, idle: Idle<'_>) -> Outcome {
    let socket = net.udp()?;
    println!("{socket:?}");

    let socket = socket.bind(6000)?;
    println!("{socket:?} on {}", socket.local_endpoint()?);

    let mut socket = socket.connect(server)?;
    println!("{socket:?} to {server}");

    // Datagrams get lost: a client asks again, but not for ever.
    for attempt in 1..=5 {
        net.block_with(&mut *idle, || socket.send(b"sixteen bytes..."))?;
        println!("sent 16 bytes, attempt {attempt}");
        if let Some(answer) = receive_within(Duration::from_secs(1), &mut socket, idle)? {
            println!("received {} bytes: {:?}", answer.len(), String::from_utf8_lossy(&answer));

            let socket = socket.disconnect();
            println!("{socket:?}");
            return Ok(());
        }
    }
    Err("no answer".into())
}

fn receive_within(
    limit: Duration,
    socket: &mut UdpSocket<'_, Connected>,
    idle: Idle<'_>,
) -> Outcome<Option<Vec<u8>>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        match socket.recv_with(<[u8]>::to_vec) {
            Ok(answer) => return Ok(Some(answer)),
            Err(nb::Error::WouldBlock) => idle(socket.net().poll_delay()),
            Err(nb::Error::Other(error)) => return Err(error.into()),
        }
    }
    Ok(None)
}
