//! The classic TCP client: bind to a local port, connect, send 16 bytes, close.
//!
//! ```sh
//! cargo run --example tcp_client
//! cargo run --example tcp_client -- --tap tap0 --remote 192.168.69.2:7 --pcap tcp.pcap
//! ```

mod common;

use std::net::SocketAddr;

use common::{Idle, Options, Outcome};
use sockstate::{Error, Net};

fn main() -> Outcome {
    Options::from_args().run(common::peer::echo, client)
}

fn client(net: &Net, server: SocketAddr, idle: Idle<'_>) -> Outcome {
    let socket = net.tcp()?;
    println!("{socket:?}");

    let socket = socket.bind(6000)?;
    println!("{socket:?} on {}", socket.local_endpoint()?);

    let socket = socket.connect(server)?;
    println!("{socket:?} to {server}");

    let mut socket = socket.wait_with(&mut *idle)?;
    println!("{socket:?} from {}", socket.local_endpoint()?);

    let sent = net.block_with(&mut *idle, || socket.send(b"sixteen bytes..."))?;
    println!("sent {sent} bytes");

    let mut socket = socket.shutdown();
    println!("{socket:?}: nothing more to send, still receiving");

    let mut buffer = [0; 64];
    loop {
        match net.block_with(&mut *idle, || socket.receive(&mut buffer)) {
            Ok(received) => {
                let text = String::from_utf8_lossy(&buffer[..received]);
                println!("received {received} bytes: {text:?}");
            }
            Err(Error::PeerClosed) => break,
            Err(error) => return Err(error.into()),
        }
    }

    let socket = socket.close();
    println!("{socket:?}");

    let socket = socket.wait_with(idle)?;
    println!("{socket:?}");
    Ok(())
}
