//! edge-http, as a client of nginx and as a server for curl.

use std::fs;
use std::process::Command;

use sha2::{Digest, Sha256};
use sockstate_clients::hexadecimal;

use crate::http::{MIB, content};
use crate::servers::{Directory, web_server};
use crate::{Process, Wire};

#[test]
fn edge_http() {
    let (wire, directory, content) = (Wire::new(), Directory::new(), content());
    directory.write("file", &content);
    let server = wire.server(80);
    let nginx = web_server(server, &directory, "access_log /dev/stderr requests;");

    let program = wire.program("edge_http", &server.to_string(), &["--path", "/file"]);
    let hash = hexadecimal(&Sha256::digest(&content));
    let got = format!("status 200, {MIB} bytes, SHA-256 {hash}");
    assert_eq!(program.finish(), [got.as_str(), &got, "closed"]);

    // Which connection it was, and its how many-th request.
    nginx.wait_for_some(2, "GET /file HTTP/1.1");
    let lines = nginx.stop();
    let requests: Vec<_> = lines.iter().filter_map(|line| line.split_once(" GET ")).collect();
    let [(first, _), (second, _)] = requests[..] else { panic!("{requests:?}") };
    let (connection, number) = first.split_once(' ').unwrap();
    assert_eq!((number, second), ("1", format!("{connection} 2").as_str()));
}

/// Asks the server for these at once, each over a connection of its own, and looks at the answers.
fn ask(wire: &Wire, options: &[&str], counts: impl Iterator<Item = u32> + Clone) {
    let directory = Directory::new();
    let file = |count: u32| directory.path().join(count.to_string());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "20"]);
    curl.args(["--parallel", "--parallel-immediate"]).args(options);
    curl.args(["--parallel-max", &counts.clone().count().to_string()]);
    for count in counts.clone() {
        curl.arg(format!("http://{}/{count}", wire.our())).arg("-o").arg(file(count));
    }
    Process::start("curl", &mut curl).finish();
    for count in counts {
        let expected: String = (0..count).map(|number| format!("{number}\n")).collect();
        assert_eq!(fs::read_to_string(file(count)).unwrap(), expected);
    }
}

/// Nobody is answered before all eight have asked: all eight handlers accept at once.
#[test]
fn edge_http_server_at_once() {
    let wire = Wire::new();
    let options = ["--requests", "8", "--together", "8"];
    let program = wire.program("edge_http_server", &wire.server(80).to_string(), &options);
    program.wait_for("listening");
    ask(&wire, &[], (1..=8).map(|number| 1000 * number));
    let lines = program.finish();
    assert_eq!(lines.last().unwrap(), "8 requests, 8 of them at once");
    for handler in 0..8 {
        let by = format!(", by handler {handler}");
        assert_eq!(lines.iter().filter(|line| line.ends_with(&by)).count(), 1, "{lines:?}");
    }
}

/// The others wait until a handler is free, and are answered then.
#[test]
fn edge_http_server_with_more_clients_than_handlers() {
    let wire = Wire::new();
    let options = ["--requests", "24", "--together", "8"];
    let program = wire.program("edge_http_server", &wire.server(80).to_string(), &options);
    program.wait_for("listening");
    // Or curl would hold on to the connections of the answers that it has, and with them to handlers.
    let options = ["-H", "Connection: close"];
    ask(&wire, &options, (1..=24).map(|number| 100 * number));
    let lines = program.finish();
    assert_eq!(lines.last().unwrap(), "24 requests, 8 of them at once");
}

#[test]
fn edge_http_server_keeps_connections() {
    let wire = Wire::new();
    let options = ["--requests", "3"];
    let program = wire.program("edge_http_server", &wire.server(80).to_string(), &options);
    program.wait_for("listening");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20"]);
    for path in ["3", "nothing", "2"] {
        curl.arg(format!("http://{}/{path}", wire.our()));
    }
    curl.args(["-w", "%{http_code}, %{num_connects} new connections\\n"]);
    let lines = Process::start("curl", &mut curl).finish();
    let expected = [
        ["0", "1", "2", "200, 1 new connections"].as_slice(),
        &["404, 0 new connections"],
        &["0", "1", "200, 0 new connections"],
    ];
    assert_eq!(lines, expected.concat());
    assert_eq!(program.finish().last().unwrap(), "3 requests, 1 of them at once");
}
