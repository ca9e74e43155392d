//! The clients of NTP and of Redis.

use std::process::Command;

use crate::servers::{self, Directory};
use crate::{Process, Wire};

#[test]
fn ntp() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let server = servers::time_server(wire.kernel(), &directory);
    let lines = wire.program("ntp", &wire.server(123).to_string(), &[]).finish();
    assert_eq!(lines[0], format!("asking {}", wire.server(123)));
    assert_eq!(lines[1], "stratum 5");
    // Both ends have the same clock: there is no offset but what the way there and back differ in.
    let number = |line: &str, name: &str| -> i64 {
        line.strip_prefix(name).and_then(|line| line.strip_suffix(" us")).unwrap().parse().unwrap()
    };
    let offset = number(&lines[2], "offset ");
    let round_trip = number(&lines[3], "round trip ");
    assert!((0..5_000_000).contains(&round_trip), "{lines:?}");
    assert!(offset.abs() <= round_trip / 2 + 1_000, "{lines:?}");
    server.stop();
}

/// sntpc's own error, after the five seconds that its socket has.
#[test]
fn ntp_without_a_server() {
    let wire = Wire::new();
    let lines = wire.program("ntp", &wire.server(123).to_string(), &[]).fail();
    assert_eq!(lines.last().map(String::as_str), Some("Error: \"Network\""), "{lines:?}");
}

#[test]
fn redis() {
    let (wire, directory) = (Wire::new(), Directory::new());
    let server = servers::redis(wire.server(6379), &directory);
    let lines = wire.program("redis", &wire.server(6379).to_string(), &[]).finish();
    assert_eq!(
        lines,
        [
            "connected",
            "SET sockstate:key \"a value\"",
            "GET sockstate:key: \"a value\"",
            "GET sockstate:nothing: nothing",
            "SUBSCRIBE sockstate:channel, on a second connection",
            "PUBLISH sockstate:channel \"a message\": to 1",
            "received \"a message\" on sockstate:channel",
            "UNSUBSCRIBE",
            "done",
        ]
    );
    // The value is where another client finds it, too.
    let mut command = Command::new("redis-cli");
    command.args(["-h", &wire.kernel().to_string(), "GET", "sockstate:key"]);
    assert_eq!(Process::start("redis-cli", &mut command).finish(), ["a value"]);
    server.stop();
}
