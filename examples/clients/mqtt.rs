//! An MQTT client: minimq, which subscribes, publishes with all three qualities of service, and
//! answers commands until it is told to stop.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt -- --tap tap0 --remote 192.168.69.2:1883
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m hello
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m stop
//! ```

use std::time::Instant;

use minimq::types::{SubscriptionOptions, TopicFilter};
use minimq::{Publication, QoS};
use sockstate::Net;
use sockstate_clients::duties::{COMMANDS, Duties, Message, OWN};
use sockstate_clients::mqtt::Session;
use sockstate_clients::{Options, Outcome, failure, pause};

const QUALITIES: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn main() -> Outcome {
    Options::from_args("an MQTT client: minimq on sockstate", 1883, &OWN).run(client)
}

fn client(options: &Options, net: &Net) -> Outcome {
    let mut duties = Duties::new(options, QUALITIES)?;
    let mut buffer = [0; 4096];
    let mut session = Session::new(options, net, duties.id, duties.keep_alive, &mut buffer)?;

    let mut under_way: Option<Message<QoS>> = None;
    let mut subscribing = false;
    let mut subscribed = false;
    let mut connected_at = None;
    loop {
        let turn = session.turn(|topic, payload| duties.obey(topic, payload));
        if turn.came_up {
            connected_at.get_or_insert_with(Instant::now);
            (subscribing, subscribed) = (false, false);
        }
        if turn.was_reset
            && let Some(message) = under_way.take()
        {
            // The broker may not have it, and nobody else does any more.
            duties.messages.push_front(message);
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
            message.is_published();
        } else if let Some(message) = duties.messages.pop_front() {
            let publication =
                Publication::new(message.topic, message.text.as_bytes()).qos(message.qos);
            session.client().publish(publication).map_err(failure)?;
            under_way = Some(message);
        } else if duties.stopped {
            break;
        } else if let (Some(stay), Some(since)) = (duties.stay, connected_at)
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
