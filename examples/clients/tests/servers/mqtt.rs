//! The MQTT clients, with a broker that stays and with one that is restarted.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::process::PATIENCE;
use crate::servers::{Broker, Directory, name_server};
use crate::{Process, Wire, until};

/// What a client of the kernel sees of all topics, each message as QoS, topic and text.
fn watch(broker: &Broker) -> Process {
    let options = ["-i", "watcher", "-q", "2", "-t", "sockstate/#", "-F", "%q %t %p"];
    let watcher = broker.tool("mosquitto_sub", &options);
    broker.process().wait_for("Sending SUBACK to watcher");
    watcher
}

fn command(broker: &Broker, text: &str) {
    let options = ["-q", "1", "-t", "sockstate/command", "-m", text];
    broker.tool("mosquitto_pub", &options).finish();
}

/// One of the programs `mqtt`, which all do the same, with the broker by name; what that has to say.
fn by_name(program: &str) -> Vec<String> {
    let wire = Wire::new();
    let record = format!("--host-record=broker.test,{}", wire.kernel());
    let names = name_server(wire.kernel(), &[record]);
    let mut broker = Broker::start(wire.server(1883), false);
    let watcher = watch(&broker);

    // Three intervals and a little more, without anything to say after the first moments.
    let dns = wire.kernel().to_string();
    let options = ["--dns", &dns, "--keep-alive", "2", "--stay", "7"];
    let program = wire.program(program, "broker.test:1883", &options);
    program.wait_for("published \"exactly once\"");
    // For the broker to be done with it, the watcher has to answer, too.
    watcher.wait_for("exactly once");
    command(&broker, "hello");
    assert_eq!(
        program.finish(),
        [
            "connected",
            "subscribed to sockstate/command",
            "published \"at most once\" on sockstate/event",
            "published \"at least once\" on sockstate/event",
            "published \"exactly once\" on sockstate/event",
            "received \"hello\" on sockstate/command",
            "published \"hello\" on sockstate/answer",
            "connected for 7 s",
            "done",
        ]
    );

    watcher.wait_for("sockstate/answer hello");
    assert_eq!(
        watcher.stop(),
        [
            "0 sockstate/event at most once",
            "1 sockstate/event at least once",
            "2 sockstate/event exactly once",
            "1 sockstate/command hello",
            "1 sockstate/answer hello",
        ]
    );
    // The program has closed its connection, and has not just ended.
    broker.process().wait_for("Client sockstate ");
    let log = broker.stop();
    assert!(!log.iter().any(|line| line.contains("exceeded timeout")), "{log:?}");
    let pings = log.iter().filter(|line| line.contains("Received PINGREQ from sockstate")).count();
    assert!(pings >= 3, "{pings} pings in three intervals");
    let queries = names.stop();
    assert!(queries.iter().any(|line| line.contains("query[A] broker.test from")), "{queries:?}");
    log
}

/// Whether the program has taken leave of the broker, too.
fn took_leave(log: &[String]) -> bool {
    log.iter().any(|line| line.ends_with("Received DISCONNECT from sockstate"))
}

#[test]
fn mqtt_by_name() {
    by_name("mqtt");
}

#[test]
fn mqtt_async_by_name() {
    assert!(took_leave(&by_name("mqtt_async")));
}

#[test]
fn mqtt_rust_by_name() {
    assert!(took_leave(&by_name("mqtt_rust")));
}

/// It has one connection, and hears at once of its end.
#[test]
fn mqtt_rust_broker_stopped() {
    let wire = Wire::new();
    let mut broker = Broker::start(wire.server(1883), false);
    let program = wire.program("mqtt_rust", &wire.server(1883).to_string(), &[]);
    program.wait_for("published \"exactly once\"");
    command(&broker, "hello");
    program.wait_for("published \"hello\"");
    broker.stop();
    let lines = program.fail();
    assert_eq!(
        lines.last().map(String::as_str),
        Some("Error: \"Network(NotConnected)\""),
        "{lines:?}"
    );
}

/// One of the programs `mqtt` that connect again. Twice with each kind of broker, because mosquitto
/// 2.0.11 does not keep a session whose first connection it has not seen end, even if it persists.
fn broker_restarted(program: &str) {
    for persistence in [true, false] {
        let wire = Wire::new();
        let mut broker = Broker::start(wire.server(1883), persistence);
        let program = wire.program(program, &wire.server(1883).to_string(), &[]);
        program.wait_for("published \"exactly once\"");
        for restarts in 1..=2 {
            broker.stop();
            program.wait_for_some(restarts, "connection lost");
            // So long that an attempt to connect is refused.
            program.wait_for_some(restarts, "Refused");
            broker.start_again();
            program.wait_for_some(restarts, "connected again");
            program.wait_for_some(1 + restarts, "subscribed to");
            command(&broker, &format!("number {restarts}"));
            program.wait_for(&format!("published \"number {restarts}\" on sockstate/answer"));
        }
        command(&broker, "stop");

        let lines = program.finish();
        let forgotten = |line: &&String| *line == "the broker has forgotten the session";
        let forgotten = lines.iter().filter(forgotten).count();
        assert!(if persistence { forgotten < 2 } else { forgotten == 2 }, "{lines:?}");
        broker.stop();
    }
}

#[test]
fn mqtt_broker_restarted() {
    broker_restarted("mqtt");
}

#[test]
fn mqtt_async_broker_restarted() {
    broker_restarted("mqtt_async");
}

/// Whether a connection to this server has bytes that the server has not read.
fn unread(server: SocketAddr) -> bool {
    let filter = format!("src {server}");
    let shown = Command::new("ss").args(["-Htn", &filter]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    // The second column is what the application has not taken.
    shown.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|bytes| bytes != "0"))
}

#[test]
fn mqtt_many_with_restarts() {
    const COUNT: usize = 10_000;
    const LIMIT: Duration = Duration::from_secs(240);
    let (wire, directory) = (Wire::new(), Directory::new());
    let mut broker = Broker::start(wire.server(1883), true);
    // A session that outlives its connections: the broker keeps its messages meanwhile.
    let subscriber = broker
        .tool("mosquitto_sub", &["-c", "-i", "subscriber", "-q", "1", "-t", "sockstate/number"]);
    broker.process().wait_for("Sending SUBACK to subscriber");

    let acknowledged = directory.path().join("acknowledged");
    let (count, limit) = (COUNT.to_string(), LIMIT.as_secs().to_string());
    let file = acknowledged.to_str().unwrap();
    let options = ["--count", &count, "--acknowledged", file, "--limit", &limit];
    let program = wire.program("mqtt_many", &wire.server(1883).to_string(), &options);
    let numbers = || -> Vec<usize> {
        let text = fs::read_to_string(&acknowledged).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    for quarter in 1..4 {
        until(LIMIT, "a quarter is acknowledged", || numbers().len() >= COUNT * quarter / 4);
        // With a batch under way that the broker will never read.
        broker.process().freeze();
        until(PATIENCE, "a batch is under way", || unread(wire.server(1883)));
        broker.stop();
        program.wait_for_some(quarter, "connection lost");
        broker.start_again();
        program.wait_for_some(quarter, "connected again");
    }
    let lines = program.finish_within(LIMIT);

    let numbers = numbers();
    assert!(numbers.iter().copied().eq(0..COUNT), "each once, in order");
    let mut arrived = BTreeMap::new();
    until(PATIENCE, "everything acknowledged arrives", || {
        arrived.clear();
        for line in subscriber.lines() {
            // What else the tool says is about its connection.
            if let Ok(number) = line.parse::<usize>() {
                *arrived.entry(number).or_insert(0_usize) += 1;
            }
        }
        numbers.iter().all(|number| arrived.contains_key(number))
    });
    let duplicates: usize = arrived.values().map(|times| times - 1).sum();
    println!(
        "{} acknowledged, all of them arrived, {duplicates} of them again, over {} connections",
        numbers.len(),
        lines.iter().filter(|line| line.starts_with("connected")).count()
    );
    assert_eq!(arrived.len(), COUNT, "nothing arrived that was not published");
    subscriber.stop();
    broker.stop();
}
