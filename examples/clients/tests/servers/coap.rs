//! The CoAP servers and the client of libcoap, and a CoAP client and the server of libcoap.

use std::net::Ipv4Addr;
use std::process::Command;

use crate::servers::coap_server;
use crate::{Process, Wire};

/// The answer to a request, in the lines of `coap-client`.
fn request(server: Ipv4Addr, options: &[&str], path: &str) -> Vec<String> {
    let uri = format!("coap://{server}{path}");
    let mut command = Command::new("coap-client-notls");
    // Not for longer than so many seconds, and not in the order in which the options arrive.
    command.args(["-B", "10"]).args(options).arg(uri);
    Process::start("coap-client", &mut command).finish()
}

/// Asks one of the programs that serve for everything, and gives what it says after that.
fn served(wire: &Wire, program: &str, options: &[&str]) -> Vec<String> {
    let options = [&["--requests", "8"], options].concat();
    let program = wire.program(program, &wire.server(5683).to_string(), &options);
    program.wait_for("listening");
    let request = |options: &[&str], path: &str| request(wire.our(), options, path);

    let uptime = request(&["-m", "get"], "/uptime");
    assert!(uptime[0].parse::<u64>().unwrap() < 60, "{uptime:?}");

    assert_eq!(request(&["-m", "put", "-e", "a note"], "/note"), [""; 0]);
    assert_eq!(request(&["-m", "get"], "/note"), ["a note"]);
    assert_eq!(request(&["-m", "put", "-e", "another", "-N"], "/note"), [""; 0]);
    assert_eq!(request(&["-m", "get", "-N"], "/note"), ["another"]);

    let resources = request(&["-m", "get"], "/.well-known/core").concat();
    assert!(resources.contains("</uptime>;title=\"seconds since the start\""), "{resources}");
    assert!(resources.contains("</note>;title=\"what was last put here\""), "{resources}");

    assert!(request(&["-m", "get"], "/nothing")[0].starts_with("4.04"));
    assert!(request(&["-m", "delete"], "/note")[0].starts_with("4.05"));

    let mut lines = program.finish();
    let more = lines.split_off(lines.len().min(10));
    assert_eq!(
        lines,
        [
            "listening on port 5683",
            "GET /uptime",
            "PUT /note",
            "GET /note",
            "PUT /note",
            "GET /note",
            "GET /.well-known/core",
            "GET /nothing",
            "DELETE /note",
            "8 requests",
        ]
    );
    more
}

#[test]
fn coap() {
    assert_eq!(served(&Wire::new(), "coap_server", &[]), [""; 0]);
}

/// Both ways at once: the program asks the server of libcoap while its client asks the program.
#[test]
fn coap_async() {
    let wire = Wire::new();
    let server = coap_server(wire.server(5683));
    let more = served(&wire, "coap_async", &["--pause", "1"]);
    let rounds = more[0].strip_prefix("put and got /example_data ");
    let rounds = rounds.and_then(|rounds| rounds.strip_suffix(" times")).unwrap();
    let rounds: usize = rounds.parse().unwrap();
    assert!(rounds > 0);
    let last = format!("round {}", rounds - 1);
    assert_eq!(request(wire.kernel(), &["-m", "get"], "/example_data"), [last]);

    // Each of them once, and the last question is the kernel's.
    let lines = server.stop();
    let asked = |what: &str| {
        lines.iter().filter(|line| line.starts_with("v:1 ") && line.contains(what)).count()
    };
    assert_eq!((asked(" c:PUT "), asked(" c:GET ")), (rounds, rounds + 1));
}
