//! An HTTP client in tasks: reqwless, which gets a file, and puts it back at another path over the
//! same connection if it is told to. With a certificate it does so over TLS 1.3.
//!
//! ```sh
//! cargo run -p sockstate-clients --example http_async -- --tap tap0 --remote 192.168.69.2:80
//! cargo run -p sockstate-clients --example http_async -- --tap tap0 --dns 192.168.69.2 \
//!     --remote www.test:443 --ca ca.der
//! ```
//!
//! What reqwless 0.14 makes sure of by TLS, with embedded-tls 0.18: the server has the key of its
//! certificate, the certificate was signed by the one of `--ca`, and its common name is the host of
//! `--remote`, by the letter. Both have keys of P-256, P-384 or Ed25519: RSA is another feature of
//! reqwless. It does not look at the time, so that it takes a certificate that has expired, nor at
//! further names in it, at what it may be used for, or at whether it was revoked.

use std::fs;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};

use embassy_time::{Duration, with_timeout};
use embedded_io_async::Read;
use reqwless::client::{HttpClient, TlsConfig, TlsVerify};
use reqwless::request::RequestBuilder;
use sha2::{Digest, Sha256};
use sockstate::Net;
use sockstate_clients::{Options, Outcome, Own, failure, hexadecimal};

const OWN: [Own; 3] = [
    Own { name: "--path", value: Some("PATH"), help: "what to get (default /)" },
    Own { name: "--put", value: Some("PATH"), help: "where to put it" },
    Own { name: "--ca", value: Some("FILE"), help: "by TLS, with the signer's certificate (DER)" },
];

/// What the server may take to do the next thing. reqwless itself would wait for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the longest head of a response.
const HEAD: usize = 4096;

/// Bytes of the longest record of TLS that the server may send, with what is around it.
const RECORD: usize = 16 * 1024 + 256;

/// Bytes of the longest one that is sent: embedded-tls fills its buffer, even if that is longer
/// than the longest that there may be.
const SENT_RECORD: usize = 4096;

fn main() -> Outcome {
    Options::from_args("an HTTP client in tasks: reqwless on sockstate", 80, &OWN).run_async(client)
}

async fn client(options: &Options, net: &Net) -> Outcome {
    let path = options.own("--path").unwrap_or("/");
    let ca = options.own("--ca").map(fs::read).transpose()?;
    let scheme = if ca.is_some() { "https" } else { "http" };
    let server = format!("{scheme}://{}:{}", options.host, options.port);

    let (mut read, mut write) = (vec![0; RECORD], vec![0; SENT_RECORD]);
    let mut client = match &ca {
        Some(ca) => {
            let seed = RandomState::new().hash_one(&server);
            let verify = TlsVerify::Certificate { ca, cert: None, key: None };
            let tls = TlsConfig::new(seed, &mut read, &mut write, verify);
            HttpClient::new_with_tls(&net, &net, tls)
        }
        None => HttpClient::new(&net, &net),
    };
    let mut server = in_time(client.resource(&server)).await?;
    println!("connected by {scheme}");

    let mut head = [0; HEAD];
    let response = in_time(server.get(path).send(&mut head)).await?;
    println!("GET {path}: {}", response.status.0);
    if !response.status.is_successful() {
        return Err("the server does not give it".into());
    }
    let mut reader = response.body().reader();
    let mut body = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let size = in_time(reader.read(&mut piece)).await?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(piece.get(..size).unwrap_or_default());
    }
    println!("{} bytes", body.len());
    println!("SHA-256 {}", hexadecimal(&Sha256::digest(&body)));

    if let Some(path) = options.own("--put") {
        let request = server.put(path).body(body.as_slice());
        let response = in_time(request.send(&mut head)).await?;
        println!("PUT {path}: {}", response.status.0);
        if !response.status.is_successful() {
            return Err("the server does not take it".into());
        }
    }
    Ok(())
}

async fn in_time<T>(step: impl Future<Output = Result<T, reqwless::Error>>) -> Outcome<T> {
    with_timeout(PATIENCE, step).await.map_err(failure)?.map_err(failure)
}
