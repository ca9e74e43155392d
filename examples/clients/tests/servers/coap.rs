//! The CoAP server, and the client of libcoap.

use std::process::Command;

use crate::{Process, Wire};

/// The answer to a request, in the lines of `coap-client`.
fn request(wire: &Wire, options: &[&str], path: &str) -> Vec<String> {
    let uri = format!("coap://{}{path}", wire.our());
    let mut command = Command::new("coap-client-notls");
    // Not for longer than so many seconds, and not in the order in which the options arrive.
    command.args(["-B", "10"]).args(options).arg(uri);
    Process::start("coap-client", &mut command).finish()
}

#[test]
fn coap() {
    let wire = Wire::new();
    let options = ["--requests", "8"];
    let program = wire.program("coap_server", &wire.server(5683).to_string(), &options);
    program.wait_for("listening");

    let uptime = request(&wire, &["-m", "get"], "/uptime");
    assert!(uptime[0].parse::<u64>().unwrap() < 60, "{uptime:?}");

    assert_eq!(request(&wire, &["-m", "put", "-e", "a note"], "/note"), [""; 0]);
    assert_eq!(request(&wire, &["-m", "get"], "/note"), ["a note"]);
    assert_eq!(request(&wire, &["-m", "put", "-e", "another", "-N"], "/note"), [""; 0]);
    assert_eq!(request(&wire, &["-m", "get", "-N"], "/note"), ["another"]);

    let resources = request(&wire, &["-m", "get"], "/.well-known/core").concat();
    assert!(resources.contains("</uptime>;title=\"seconds since the start\""), "{resources}");
    assert!(resources.contains("</note>;title=\"what was last put here\""), "{resources}");

    assert!(request(&wire, &["-m", "get"], "/nothing")[0].starts_with("4.04"));
    assert!(request(&wire, &["-m", "delete"], "/note")[0].starts_with("4.05"));

    assert_eq!(
        program.finish(),
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
}
