//! An MQTT client: minimq, which subscribes, publishes with all three qualities of service, and
//! answers commands until it is told to stop.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt -- --tap tap0 --remote 192.168.69.2:1883
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m hello
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m stop
//! ```

use std::time::{Duration, Instant};

use minimq::types::{SubscriptionOptions, TopicFilter};
use minimq::{Publication, QoS};
use sockstate::Net;
use sockstate_clients::mqtt::Session;
use sockstate_clients::{Options, Outcome, Own, failure, pause};

const COMMANDS: &str = "sockstate/command";
const EVENTS: &str = "sockstate/event";
const ANSWERS: &str = "sockstate/answer";

const OWN: [Own; 3] = [
    Own {
        name: "--keep-alive",
        value: Some("SECONDS"),
        help: "the keep-alive interval (default 59)",
    },
    Own {
        name: "--stay",
        value: Some("SECONDS"),
        help: "stop after so long a connection, without being told",
    },
    Own { name: "--id", value: Some("NAME"), help: "the client's name (default sockstate)" },
];

fn main() -> Outcome {
    Options::from_args("an MQTT client: minimq on sockstate", 1883, &OWN).run(client)
}

/// What is still to be published at first, the next one first.
const EVENTS_TO_PUBLISH: [(QoS, &str); 3] = [
    (QoS::AtMostOnce, "at most once"),
    (QoS::AtLeastOnce, "at least once"),
    (QoS::ExactlyOnce, "exactly once"),
];

fn client(options: &Options, net: &Net) -> Outcome {
    let keep_alive = options.number("--keep-alive")?.unwrap_or(59);
    let stay = options.number("--stay")?.map(Duration::from_secs);
    let id = options.own("--id").unwrap_or("sockstate");
    let mut buffer = [0; 4096];
    let mut session = Session::new(options, net, id, keep_alive, &mut buffer)?;

    let mut events = EVENTS_TO_PUBLISH.iter().copied();
    let mut under_way: Option<(QoS, &str)> = None;
    let mut subscribing = false;
    let mut subscribed = false;
    let mut commands: Vec<String> = Vec::new();
    let mut connected_at = None;
    loop {
        let turn = session.turn(|topic, payload| {
            let command = String::from_utf8_lossy(payload).into_owned();
            println!("received {command:?} on {topic}");
            commands.push(command);
        });
        if turn.came_up {
            connected_at.get_or_insert_with(Instant::now);
            (subscribing, subscribed) = (false, false);
        }
        if turn.was_reset
            && let Some(event) = under_way.take()
        {
            publish(&mut session, EVENTS, event)?;
            under_way = Some(event);
        }
        // One packet at a time: minimq panics if it has to answer one while another is not sent.
        if !session.is_connected() || !session.client().can_publish(QoS::ExactlyOnce) {
            pause();
            continue;
        }
        if !subscribing {
            let filter = TopicFilter::new(COMMANDS)
                .options(SubscriptionOptions::default().maximum_qos(QoS::AtLeastOnce));
            session.client().subscribe(&[filter], &[]).map_err(failure)?;
            subscribing = true;
        } else if session.client().subscriptions_pending() || session.client().pending_messages() {
            pause();
        } else if !subscribed {
            println!("subscribed to {COMMANDS}");
            subscribed = true;
        } else if let Some((_, text)) = under_way.take() {
            println!("published {text}");
        } else if let Some(event) = events.next() {
            publish(&mut session, EVENTS, event)?;
            under_way = Some(event);
        } else if commands.first().is_some_and(|command| command == "stop") {
            break;
        } else if !commands.is_empty() {
            let command = commands.remove(0);
            publish(&mut session, ANSWERS, (QoS::AtLeastOnce, &command))?;
        } else if let (Some(stay), Some(since)) = (stay, connected_at)
            && since.elapsed() >= stay
        {
            println!("connected for {} s", stay.as_secs());
            break;
        } else {
            pause();
        }
    }
    println!("done");
    Ok(())
}

fn publish(session: &mut Session<'_, '_>, topic: &str, (qos, text): (QoS, &str)) -> Outcome {
    let publication = Publication::new(topic, text).qos(qos);
    session.client().publish(publication).map_err(failure)
}
