//! An HTTP GET in plain embedded-nal calls, read with httparse.
//!
//! ```sh
//! cargo run -p sockstate-clients --example http -- --tap tap0 --remote 192.168.69.2:80 --path /
//! ```

use embedded_nal::nb;
use sha2::{Digest, Sha256};
use sockstate::{Error, Net};
use sockstate_clients::http::{End, Get, Version};
use sockstate_clients::{HostClock, Options, Outcome, Own, failure, hexadecimal, pause};

const OWN: [Own; 2] = [
    Own { name: "--path", value: Some("PATH"), help: "what to get (default /)" },
    Own { name: "--close", value: None, help: "ask by HTTP/1.0: the body may end by the close" },
];

fn main() -> Outcome {
    Options::from_args("an HTTP GET: httparse on sockstate", 80, &OWN).run(client)
}

fn client(options: &Options, mut net: &Net) -> Outcome {
    let server = options.server(net)?;
    let path = options.own("--path").unwrap_or("/");
    let version = if options.own("--close").is_some() { Version::Http10 } else { Version::Http11 };
    println!("GET {path} from {server}");

    let clock = HostClock::start();
    let mut get = Get::new(server, path, version, |error| *error == Error::PeerClosed);
    let response = loop {
        match get.poll(&mut net, clock.now()) {
            Ok(response) => break response,
            Err(nb::Error::WouldBlock) => pause(),
            Err(nb::Error::Other(error)) => return Err(failure(error)),
        }
    };

    println!("status {}", response.status);
    let end = match response.end {
        End::Length => "its length",
        End::Close => "the close of the connection",
    };
    println!("{} bytes, complete by {end}", response.body.len());
    println!("SHA-256 {}", hexadecimal(&Sha256::digest(&response.body)));
    if response.status != 200 {
        return Err(format!("the server answered {}", response.status).into());
    }
    Ok(())
}
