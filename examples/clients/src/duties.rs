//! What the MQTT programs do, whichever crate they speak MQTT with: they publish an event with
//! each quality of service, and answer commands until one of them is to stop.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Options, Outcome, Own};

pub const COMMANDS: &str = "sockstate/command";
const EVENTS: &str = "sockstate/event";
const ANSWERS: &str = "sockstate/answer";

/// The options of these programs.
pub const OWN: [Own; 3] = [
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

/// A message to be published. `Q` is what the crate calls a quality of service.
pub struct Message<Q> {
    pub topic: &'static str,
    pub qos: Q,
    pub text: String,
}

impl<Q> Message<Q> {
    fn new(topic: &'static str, qos: Q, text: &str) -> Self {
        Message { topic, qos, text: text.into() }
    }

    /// Says that the broker has it.
    pub fn is_published(&self) {
        println!("published {:?} on {}", self.text, self.topic);
    }
}

pub struct Duties<'a, Q> {
    pub id: &'a str,
    pub keep_alive: u16,
    pub stay: Option<Duration>,
    pub messages: VecDeque<Message<Q>>,
    pub stopped: bool,
    answer_qos: Q,
}

impl<'a, Q: Copy> Duties<'a, Q> {
    /// The duties that the command line gives, with the crate's three qualities of service.
    pub fn new(options: &'a Options, qos: [Q; 3]) -> Outcome<Self> {
        let [at_most_once, at_least_once, exactly_once] = qos;
        Ok(Duties {
            id: options.own("--id").unwrap_or("sockstate"),
            keep_alive: options.number("--keep-alive")?.unwrap_or(59),
            stay: options.number("--stay")?.map(Duration::from_secs),
            messages: VecDeque::from([
                Message::new(EVENTS, at_most_once, "at most once"),
                Message::new(EVENTS, at_least_once, "at least once"),
                Message::new(EVENTS, exactly_once, "exactly once"),
            ]),
            stopped: false,
            answer_qos: at_least_once,
        })
    }

    /// Does what a received message says.
    pub fn obey(&mut self, topic: &str, payload: &[u8]) {
        let command = String::from_utf8_lossy(payload);
        println!("received {command:?} on {topic}");
        if command == "stop" {
            self.stopped = true;
        } else {
            self.messages.push_back(Message::new(ANSWERS, self.answer_qos, &command));
        }
    }
}
