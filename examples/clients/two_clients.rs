//! Two clients on one stack at the same time: an HTTP GET, and MQTT messages that are published
//! and acknowledged while the body arrives.
//!
//! ```sh
//! cargo run -p sockstate-clients --example two_clients -- --tap tap0 \
//!     --remote 192.168.69.2:1883 --http 192.168.69.2:80 --path /large.bin
//! ```

use std::net::SocketAddr;

use embedded_nal::nb;
use minimq::{Publication, QoS};
use sha2::{Digest, Sha256};
use sockstate::{Error, Net};
use sockstate_clients::http::{Get, Version};
use sockstate_clients::mqtt::Session;
use sockstate_clients::{HostClock, Options, Outcome, Own, failure, hexadecimal, pause};

const TOPIC: &str = "sockstate/progress";

const OWN: [Own; 2] = [
    Own { name: "--http", value: Some("ADDR:PORT"), help: "the HTTP server" },
    Own { name: "--path", value: Some("PATH"), help: "what to get (default /)" },
];

fn main() -> Outcome {
    Options::from_args("MQTT and HTTP at once: minimq and httparse on sockstate", 1883, &OWN)
        .run(clients)
}

fn clients(options: &Options, mut net: &Net) -> Outcome {
    let server: SocketAddr = options.own("--http").ok_or("--http is needed")?.parse()?;
    let path = options.own("--path").unwrap_or("/");
    let clock = HostClock::start();
    let mut buffer = [0; 4096];
    let mut session = Session::new(options, net, "sockstate-two", 10, &mut buffer)?;
    let mut get = Get::new(server, path, Version::Http11, |error| *error == Error::PeerClosed);

    let mut acknowledged = 0;
    let mut under_way = false;
    let response = loop {
        let turn = session.turn(|_, _| {});
        under_way &= !turn.was_reset;
        if !session.is_connected() {
            pause();
            continue;
        }
        if under_way && !session.client().pending_messages() {
            under_way = false;
            acknowledged += 1;
        }
        if !under_way && session.client().can_publish(QoS::AtLeastOnce) {
            let text = format!("{} bytes", get.progress());
            let publication = Publication::new(TOPIC, text.as_bytes()).qos(QoS::AtLeastOnce);
            session.client().publish(publication).map_err(failure)?;
            under_way = true;
        }
        match get.poll(&mut net, clock.now()) {
            Ok(response) => break response,
            Err(nb::Error::WouldBlock) => pause(),
            Err(nb::Error::Other(error)) => return Err(failure(error)),
        }
    };

    println!("status {}, {} bytes", response.status, response.body.len());
    println!("SHA-256 {}", hexadecimal(&Sha256::digest(&response.body)));
    println!("{acknowledged} messages acknowledged meanwhile");
    Ok(())
}
