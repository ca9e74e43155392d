//! An MQTT client in tasks: rust-mqtt, which does what the program `mqtt` does with minimq, over
//! one connection. When to ask the broker whether it is still there is for the program to say.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt_rust -- --tap tap0 --remote 192.168.69.2:1883
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m hello
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m stop
//! ```

use std::future::pending;
use std::num::NonZero;

use embassy_futures::select::{Either3, select3};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use rust_mqtt::Bytes;
use rust_mqtt::buffer::AllocBuffer;
use rust_mqtt::client::Client;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::config::KeepAlive;
use rust_mqtt::types::{MqttString, QoS, TopicFilter, TopicName};
use sockstate::state::Connected;
use sockstate::{Net, TcpSocket};
use sockstate_clients::duties::{COMMANDS, Duties, Message, OWN};
use sockstate_clients::{Options, Outcome, failure};

const QUALITIES: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// What the broker may take to answer the first packet.
const PATIENCE: Duration = Duration::from_secs(10);

/// One subscription under way, and four messages in each direction.
type Mqtt<'c, 'n> = Client<'c, 'c, TcpSocket<'n, Connected>, AllocBuffer, 1, 4, 4, 0, 0, 0, 0>;

fn main() -> Outcome {
    Options::from_args("an MQTT client in tasks: rust-mqtt on sockstate", 1883, &OWN)
        .run_async(client)
}

async fn client(options: &Options, net: &Net) -> Outcome {
    let mut duties = Duties::new(options, QUALITIES)?;
    let keep_alive = NonZero::new(duties.keep_alive).ok_or("--keep-alive is not to be 0")?;
    let socket = net.tcp()?.connect_by_name(&options.host, options.port)?.await?.await?;

    let mut buffer = AllocBuffer;
    let mut mqtt = Mqtt::new(&mut buffer);
    let connect = ConnectOptions::new().clean_start().keep_alive(KeepAlive::Seconds(keep_alive));
    let id = MqttString::from_str(duties.id).map_err(failure)?;
    // rust-mqtt itself would wait for ever.
    let connected = with_timeout(PATIENCE, mqtt.connect(socket, &connect, Some(id))).await;
    connected.map_err(failure)?.map_err(failure)?;
    println!("connected");

    let filter = MqttString::from_str(COMMANDS).ok().and_then(TopicFilter::new);
    let filter = filter.ok_or("the topic is none")?;
    let subscribe = SubscriptionOptions::new().at_least_once();
    mqtt.subscribe(filter, &subscribe).await.map_err(failure)?;

    // Twice as often as the broker wants to hear something.
    let interval = Duration::from_millis(u64::from(keep_alive.get()) * 500);
    let mut next_ping = Instant::now() + interval;
    let mut unanswered = false;
    let end = duties.stay.map(|stay| Instant::now() + Duration::from_secs(stay.as_secs()));
    let mut subscribed = false;
    let mut under_way: Option<Message<QoS>> = None;
    loop {
        if subscribed && under_way.is_none() {
            if let Some(message) = duties.messages.pop_front() {
                publish(&mut mqtt, &message).await?;
                if message.qos == QoS::AtMostOnce {
                    // It is sent, and there will be no more about it.
                    message.is_published();
                } else {
                    under_way = Some(message);
                }
                continue;
            }
            if duties.stopped {
                break;
            }
        }
        let stay = async {
            match end {
                Some(end) => Timer::at(end).await,
                None => pending().await,
            }
        };
        // The header alone, because only that may be abandoned.
        let header = match select3(mqtt.poll_header(), Timer::at(next_ping), stay).await {
            Either3::First(header) => header.map_err(failure)?,
            Either3::Second(()) => {
                if unanswered {
                    return Err("the broker does not answer".into());
                }
                mqtt.ping().await.map_err(failure)?;
                (next_ping, unanswered) = (next_ping + interval, true);
                continue;
            }
            Either3::Third(()) => {
                println!("connected for {} s", duties.stay.unwrap_or_default().as_secs());
                break;
            }
        };
        match mqtt.poll_body(header).await.map_err(failure)? {
            Event::Suback(answer) if answer.reason_code.is_success() => {
                println!("subscribed to {COMMANDS}");
                subscribed = true;
            }
            Event::PublishAcknowledged(_) | Event::PublishComplete(_) => {
                if let Some(message) = under_way.take() {
                    message.is_published();
                }
            }
            Event::Publish(message) => {
                let topic = message.topic.name().ok_or("an alias that nobody gave")?;
                duties.obey(topic.as_ref().as_str(), &message.message);
            }
            Event::PublishReceived(_) | Event::PublishReleased(_) => {}
            Event::Pingresp => unanswered = false,
            event => return Err(failure(event)),
        }
    }
    // The crate gives the socket back.
    let socket = mqtt.disconnect(&DisconnectOptions::new()).await.map_err(failure)?;
    socket.close().await?;
    println!("done");
    Ok(())
}

async fn publish(mqtt: &mut Mqtt<'_, '_>, message: &Message<QoS>) -> Outcome {
    let topic = MqttString::from_str(message.topic).ok().and_then(TopicName::new);
    let topic = TopicReference::Name(topic.ok_or("the topic is none")?);
    let options = PublicationOptions::new(topic).qos(message.qos);
    mqtt.publish(&options, Bytes::from(message.text.as_bytes())).await.map_err(failure)?;
    Ok(())
}
