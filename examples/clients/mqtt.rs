//! An MQTT client: minimq, which subscribes, publishes with all three qualities of service, and
//! answers commands until it is told to stop.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt -- --tap tap0 --remote 192.168.69.2:1883
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m hello
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m stop
//! ```

use std::collections::VecDeque;
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

/// A message to be published.
struct Message {
    topic: &'static str,
    qos: QoS,
    text: String,
}

impl Message {
    fn new(topic: &'static str, qos: QoS, text: &str) -> Self {
        Message { topic, qos, text: text.into() }
    }

    fn publish(&self, session: &mut Session<'_, '_>) -> Outcome {
        let publication = Publication::new(self.topic, self.text.as_bytes()).qos(self.qos);
        session.client().publish(publication).map_err(failure)
    }
}

fn client(options: &Options, net: &Net) -> Outcome {
    let keep_alive = options.number("--keep-alive")?.unwrap_or(59);
    let stay = options.number("--stay")?.map(Duration::from_secs);
    let id = options.own("--id").unwrap_or("sockstate");
    let mut buffer = [0; 4096];
    let mut session = Session::new(options, net, id, keep_alive, &mut buffer)?;

    let mut messages = VecDeque::from([
        Message::new(EVENTS, QoS::AtMostOnce, "at most once"),
        Message::new(EVENTS, QoS::AtLeastOnce, "at least once"),
        Message::new(EVENTS, QoS::ExactlyOnce, "exactly once"),
    ]);
    let mut under_way: Option<Message> = None;
    let mut subscribing = false;
    let mut subscribed = false;
    let mut stopped = false;
    let mut connected_at = None;
    loop {
        let turn = session.turn(|topic, payload| {
            let command = String::from_utf8_lossy(payload);
            println!("received {command:?} on {topic}");
            if command == "stop" {
                stopped = true;
            } else {
                messages.push_back(Message::new(ANSWERS, QoS::AtLeastOnce, &command));
            }
        });
        if turn.came_up {
            connected_at.get_or_insert_with(Instant::now);
            (subscribing, subscribed) = (false, false);
        }
        if turn.was_reset
            && let Some(message) = under_way.take()
        {
            // The broker may not have it, and nobody else does any more.
            messages.push_front(message);
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
        } else if let Some(message) = under_way.take() {
            println!("published {:?} on {}", message.text, message.topic);
        } else if let Some(message) = messages.pop_front() {
            message.publish(&mut session)?;
            under_way = Some(message);
        } else if stopped {
            break;
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
