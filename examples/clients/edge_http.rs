//! HTTP GETs over one connection: edge-http, over the traits of edge-nal.
//!
//! ```sh
//! cargo run -p sockstate-clients --example edge_http -- --tap tap0 --remote 192.168.69.2:80
//! ```

use edge_http::Method;
use edge_http::io::client::Connection;
use embedded_io_async::Read;
use sha2::{Digest, Sha256};
use sockstate::Net;
use sockstate_clients::{Options, Outcome, Own, failure, hexadecimal};

const OWN: [Own; 2] = [
    Own { name: "--path", value: Some("PATH"), help: "what to get (default /)" },
    Own { name: "--times", value: Some("N"), help: "how often (default 2)" },
];

fn main() -> Outcome {
    Options::from_args("HTTP GETs: edge-http on sockstate", 80, &OWN).run_async(client)
}

async fn client(options: &Options, net: &Net) -> Outcome {
    let server = options.server_async(net).await?;
    let path = options.own("--path").unwrap_or("/");
    let host = server.to_string();

    let mut buffer = [0; 4096];
    let mut connection: Connection<'_, _> = Connection::new(&mut buffer, &net, server);
    for _ in 0..options.number("--times")?.unwrap_or(2) {
        let headers = [("Host", host.as_str())];
        let request = connection.initiate_request(true, Method::Get, path, &headers);
        request.await.map_err(failure)?;
        connection.initiate_response().await.map_err(failure)?;
        let (headers, body) = connection.split();
        let status = headers.code;
        let (mut size, mut hash, mut piece) = (0, Sha256::new(), [0; 4096]);
        loop {
            match body.read(&mut piece).await.map_err(failure)? {
                0 => break,
                read => {
                    size += read;
                    hash.update(piece.get(..read).unwrap_or_default());
                }
            }
        }
        println!("status {status}, {size} bytes, SHA-256 {}", hexadecimal(&hash.finalize()));
        if status != 200 {
            return Err(format!("the server answered {status}").into());
        }
    }
    connection.close().await.map_err(failure)?;
    println!("closed");
    Ok(())
}
