//! Publishes many numbered messages over MQTT, and notes which of them the broker acknowledged.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt_many -- --tap tap0 --remote 192.168.69.2:1883 \
//!     --count 10000 --acknowledged numbers.txt
//! ```
//!
//! minimq says of all messages together whether they are acknowledged, not of each. So they go in
//! batches, and a batch counts when all of it is acknowledged. One that is under way when the
//! broker forgets the session is published again.

use std::fs::File;
use std::io::Write;
use std::ops::Range;

use minimq::{Publication, QoS};
use sockstate::Net;
use sockstate_clients::mqtt::{MOST_AT_ONCE, Session};
use sockstate_clients::{Options, Outcome, Own, failure, pause};

const TOPIC: &str = "sockstate/number";

const OWN: [Own; 3] = [
    Own { name: "--count", value: Some("N"), help: "how many messages (default 10000)" },
    Own {
        name: "--acknowledged",
        value: Some("FILE"),
        help: "write the numbers of those acknowledged to FILE",
    },
    Own { name: "--id", value: Some("NAME"), help: "the client's name (default sockstate-many)" },
];

fn main() -> Outcome {
    Options::from_args("publishes many messages over MQTT: minimq on sockstate", 1883, &OWN)
        .run(client)
}

fn client(options: &Options, net: &Net) -> Outcome {
    let count: usize = options.number("--count")?.unwrap_or(10_000);
    let mut acknowledged = options.own("--acknowledged").map(File::create).transpose()?;
    let id = options.own("--id").unwrap_or("sockstate-many");
    let mut buffer = [0; 8192];
    let mut session = Session::new(options, net, id, 10, &mut buffer)?;

    let mut next = 0;
    let mut batch = 0..0;
    let mut published_again = 0;
    while next < count {
        let turn = session.turn(|_, _| {});
        if turn.was_reset {
            published_again += batch.len();
            batch = next..next;
        }
        // A publication without a connection is ignored in silence.
        if !session.is_connected() {
            pause();
        } else if batch.is_empty() {
            batch = publish_some(&mut session, next..count)?;
        } else if session.client().pending_messages() {
            pause();
        } else {
            if let Some(file) = &mut acknowledged {
                let lines: String = batch.clone().map(|number| format!("{number}\n")).collect();
                file.write_all(lines.as_bytes())?;
            }
            next = batch.end;
            batch = next..next;
        }
    }
    println!("{count} messages acknowledged, {published_again} of them published again");
    Ok(())
}

/// Publishes as many of these messages as minimq takes, and says which.
fn publish_some(session: &mut Session<'_, '_>, numbers: Range<usize>) -> Outcome<Range<usize>> {
    let start = numbers.start;
    for number in numbers.clone().take(MOST_AT_ONCE) {
        if !session.client().can_publish(QoS::AtLeastOnce) {
            return Ok(start..number);
        }
        let text = number.to_string();
        let publication = Publication::new(TOPIC, text.as_bytes()).qos(QoS::AtLeastOnce);
        session.client().publish(publication).map_err(failure)?;
    }
    Ok(start..numbers.end.min(start + MOST_AT_ONCE))
}
