//! A CoAP server: embedded-nal-minimal-coapserver, with a few resources.
//!
//! ```sh
//! cargo run -p sockstate-clients --example coap_server -- --tap tap0
//! coap-client -m get coap://192.168.69.1/.well-known/core
//! ```

use std::cell::Cell;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use sockstate::Net;
use sockstate_clients::coap::{Told, resources};
use sockstate_clients::{HostClock, Options, Outcome, Own, pause};

/// The port of CoAP.
const PORT: u16 = 5683;

const OWN: [Own; 1] =
    [Own { name: "--requests", value: Some("N"), help: "end after so many requests" }];

fn main() -> Outcome {
    Options::from_args("a CoAP server: embedded-nal-minimal-coapserver on sockstate", PORT, &OWN)
        .run(server)
}

fn server(options: &Options, mut net: &Net) -> Outcome {
    let limit: Option<usize> = options.number("--requests")?;
    let requests = Cell::new(0);
    let clock = HostClock::start();
    let mut handler = Told(resources(|| clock.now()), |request: &str| {
        requests.set(requests.get() + 1);
        println!("{request}");
    });

    let mut socket = UdpClientStack::socket(&mut net)?;
    UdpFullStack::bind(&mut net, &mut socket, PORT)?;
    println!("listening on port {PORT}");
    while limit.is_none_or(|limit| requests.get() < limit) {
        match embedded_nal_minimal_coapserver::poll(&mut net, &mut socket, &mut handler) {
            Ok(()) => {}
            Err(nb::Error::WouldBlock) => pause(),
            // A datagram that cannot be read or answered is no reason to leave the next ones alone.
            Err(nb::Error::Other(error)) => println!("trouble: {error}"),
        }
    }
    UdpClientStack::close(&mut net, socket)?;
    println!("{} requests", requests.get());
    Ok(())
}
