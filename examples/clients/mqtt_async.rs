//! An MQTT client in tasks: minimq 0.13, which does what the program `mqtt` does with minimq 0.10.
//! The crate speaks MQTT over a connection that it is given, so that it is for the program to
//! connect, and to do it again.
//!
//! ```sh
//! cargo run -p sockstate-clients --example mqtt_async -- --tap tap0 --remote 192.168.69.2:1883
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m hello
//! mosquitto_pub -h 192.168.69.2 -q 1 -t sockstate/command -m stop
//! ```

use std::future::pending;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Instant, Timer, with_timeout};
use minimq_async::{
    Buffers, ConfigBuilder, ConnectEvent, Connection, Error, InboundPublish, PubError, Publication,
    QoS, Session, SubscriptionOptions, TopicFilter,
};
use sockstate::state::Connected;
use sockstate::{Net, TcpSocket};
use sockstate_clients::duties::{self, COMMANDS, Message, OWN};
use sockstate_clients::{Options, Outcome};

type Duties<'a> = duties::Duties<'a, QoS>;
type Trouble = Error<sockstate::Error>;

const QUALITIES: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// For how long the broker keeps what it knows of a client that is not there.
const SESSION_SECONDS: u32 = 3600;

/// What the broker may take to answer the first packet.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two attempts to connect.
const RETRY: Duration = Duration::from_millis(200);

fn main() -> Outcome {
    Options::from_args("an MQTT client in tasks: minimq 0.13 on sockstate", 1883, &OWN)
        .run_async(client)
}

async fn client(options: &Options, net: &Net) -> Outcome {
    let mut program = Program { duties: Duties::new(options, QUALITIES)?, under_way: None };
    let (mut rx, mut tx) = ([0; 512], [0; 2048]);
    let config = ConfigBuilder::new(Buffers::new(&mut rx, &mut tx))
        .client_id(program.duties.id)?
        .keepalive_interval(program.duties.keep_alive)
        .session_expiry_interval(SESSION_SECONDS);
    let mut session = Session::new(config);
    let mut end = None;
    let mut trouble = None;
    loop {
        let again = if end.is_some() { " again" } else { "" };
        match connect(options, net, &mut session).await {
            Ok(mut connection) => {
                println!("connected{again}");
                if end.is_some() && connection.connect_event() == ConnectEvent::Connected {
                    println!("the broker has forgotten the session");
                }
                let stay = program.duties.stay.map(|stay| stay.as_micros() as u64);
                let end = *end.get_or_insert_with(|| {
                    stay.map(|stay| Instant::now() + Duration::from_micros(stay))
                });
                trouble = None;
                match program.serve(&mut connection, end).await {
                    Ok(()) => {
                        connection.disconnect().await?;
                        connection.into_inner().close().await?;
                        println!("done");
                        return Ok(());
                    }
                    Err(error) => println!("connection lost: {error:?}"),
                }
            }
            // Once, and not at every attempt for as long as the broker is away.
            Err(error) => {
                if trouble.as_ref() != Some(&error) {
                    println!("trouble: {error:?}");
                    trouble = Some(error);
                }
                Timer::after(RETRY).await;
            }
        }
    }
}

/// Connects to the broker, which is looked up each time, and resumes the session.
async fn connect<'s, 'b, 'n>(
    options: &Options,
    net: &'n Net,
    session: &'s mut Session<'b>,
) -> Result<Connection<'s, 'b, TcpSocket<'n, Connected>>, Trouble> {
    let socket = async {
        let resolving = net.tcp()?.connect_by_name(&options.host, options.port)?;
        Ok::<_, sockstate::Error>(resolving.await?.await?)
    };
    let socket = socket.await.map_err(Error::Transport)?;
    // minimq itself would wait for ever.
    let connected = with_timeout(PATIENCE, session.connect(socket)).await;
    connected.unwrap_or(Err(Error::Transport(sockstate::Error::TimedOut)))
}

struct Program<'a> {
    duties: Duties<'a>,
    /// The message that the broker has not acknowledged yet. There is one at a time.
    under_way: Option<Message<QoS>>,
}

impl Program<'_> {
    /// Does what there is to do over one connection, until the program is to stop.
    async fn serve(
        &mut self,
        connection: &mut Connection<'_, '_, TcpSocket<'_, Connected>>,
        end: Option<Instant>,
    ) -> Result<(), Trouble> {
        if connection.connect_event() == ConnectEvent::Connected {
            // Neither the broker nor minimq knows any more of what was under way.
            self.put_back();
            let filter = TopicFilter::new(COMMANDS)
                .options(SubscriptionOptions::default().maximum_qos(QoS::AtLeastOnce));
            let subscription = connection.subscribe(&[filter], &[]).await?;
            while connection.is_pending(&subscription) {
                self.obey(connection.poll().await?);
            }
            println!("subscribed to {COMMANDS}");
        } else {
            println!("still subscribed to {COMMANDS}");
        }
        loop {
            if connection.session().is_publish_quiescent() {
                if let Some(message) = self.under_way.take() {
                    message.is_published();
                }
                if let Some(message) = self.duties.messages.pop_front() {
                    self.publish(connection, message).await?;
                    continue;
                }
                if self.duties.stopped {
                    return Ok(());
                }
            }
            let timer = async {
                match end {
                    Some(end) => Timer::at(end).await,
                    None => pending().await,
                }
            };
            match select(connection.poll(), timer).await {
                Either::First(progress) => self.obey(progress?),
                Either::Second(()) => {
                    let stay = self.duties.stay.unwrap_or_default();
                    println!("connected for {} s", stay.as_secs());
                    return Ok(());
                }
            }
        }
    }

    async fn publish(
        &mut self,
        connection: &mut Connection<'_, '_, TcpSocket<'_, Connected>>,
        message: Message<QoS>,
    ) -> Result<(), Trouble> {
        let message = self.under_way.insert(message);
        let publication = Publication::text(message.topic, &message.text).qos(message.qos);
        let published = connection.publish(publication).await;
        published.map(drop).map_err(|error| {
            // What minimq has taken it publishes again by itself.
            if connection.session().is_publish_quiescent() {
                self.put_back();
            }
            match error {
                PubError::Session(error) => error,
                PubError::Payload(()) => Error::InvalidRequest,
            }
        })
    }

    fn put_back(&mut self) {
        if let Some(message) = self.under_way.take() {
            self.duties.messages.push_front(message);
        }
    }

    fn obey(&mut self, received: Option<InboundPublish<'_>>) {
        if let Some(message) = received {
            self.duties.obey(message.topic(), message.payload());
        }
    }
}
