//! The HTTP client, alone and beside the MQTT client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use sha2::{Digest, Sha256};
use sockstate_clients::hexadecimal;

use crate::Wire;
use crate::servers::{Broker, Directory, web_server};

pub(crate) const MIB: usize = 1024 * 1024;

/// A file without pattern, so that a piece that is lost or doubled changes its hash.
pub(crate) fn content() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(MIB)
    .collect()
}

/// The head of a response, as a client of the kernel gets it.
fn head(server: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(crate::process::PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let end = response.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    String::from_utf8_lossy(&response[..end]).to_lowercase()
}

#[test]
fn http_by_length() {
    let (wire, directory, content) = (Wire::new(), Directory::new(), content());
    directory.write("file", &content);
    let server = wire.server(80);
    let nginx = web_server(server, &directory, "");
    assert!(head(server, "/file").contains(&format!("content-length: {MIB}")));

    let program = wire.program("http", &server.to_string(), &["--path", "/file"]);
    assert_eq!(
        program.finish(),
        [
            format!("GET /file from {server}"),
            "status 200".into(),
            format!("{MIB} bytes, complete by its length"),
            format!("SHA-256 {}", hexadecimal(&Sha256::digest(&content))),
        ]
    );
    nginx.stop();
}

#[test]
fn http_by_close() {
    let (wire, directory, content) = (Wire::new(), Directory::new(), content());
    directory.write("file.html", &content);
    let server = wire.server(80);
    // With server-side includes nginx does not know the length beforehand.
    let nginx = web_server(server, &directory, "ssi on;");
    assert!(!head(server, "/file.html").contains("content-length"));

    let program = wire.program("http", &server.to_string(), &["--path", "/file.html", "--close"]);
    assert_eq!(
        program.finish(),
        [
            format!("GET /file.html from {server}"),
            "status 200".into(),
            format!("{MIB} bytes, complete by the close of the connection"),
            format!("SHA-256 {}", hexadecimal(&Sha256::digest(&content))),
        ]
    );
    nginx.stop();
}

/// The program says what the server said, and fails.
#[test]
fn http_of_nothing() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let server = wire.server(80);
    let nginx = web_server(server, &directory, "");
    let program = wire.program("http", &server.to_string(), &["--path", "/nothing"]);
    let lines = program.fail();
    assert!(lines.contains(&"status 404".into()), "{lines:?}");
    nginx.stop();
}

#[test]
fn two_at_once() {
    let (wire, directory, content) = (Wire::new(), Directory::new(), content());
    directory.write("file", &content);
    let http = wire.server(80);
    // A second or two, so that there is time for messages.
    let nginx = web_server(http, &directory, "limit_rate 700k;");
    let mut broker = Broker::start(wire.server(1883), false);
    let watcher = broker.tool("mosquitto_sub", &["-i", "watcher", "-t", "sockstate/#", "-F", "%p"]);
    broker.process().wait_for("Sending SUBACK to watcher");

    let options = ["--http", &http.to_string(), "--path", "/file"];
    let program = wire.program("two_clients", &wire.server(1883).to_string(), &options);
    let lines = program.finish();
    let hash = hexadecimal(&Sha256::digest(&content));
    assert!(lines.contains(&format!("status 200, {MIB} bytes")));
    assert!(lines.contains(&format!("SHA-256 {hash}")));
    let acknowledged = lines.iter().find_map(|line| line.split_once(" messages acknowledged"));
    let acknowledged: usize = acknowledged.expect("the count").0.parse().unwrap();
    assert!(acknowledged >= 10, "only {acknowledged} messages in more than a second");

    // They say how much of the body had arrived, and went out while it did.
    let partly = |line: &String| {
        let bytes: Option<usize> = line.strip_suffix(" bytes").and_then(|bytes| bytes.parse().ok());
        bytes.is_some_and(|bytes| 0 < bytes && bytes < MIB)
    };
    watcher.wait_for_some(acknowledged, " bytes");
    let seen = watcher.stop();
    assert!(seen.len() >= acknowledged, "{} of {acknowledged} arrived", seen.len());
    assert!(seen.iter().filter(|line| partly(line)).count() >= 10, "{seen:?}");
    broker.stop();
    nginx.stop();
}
