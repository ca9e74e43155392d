//! What the MQTT programs have in common: the broker by address or by name, and a client that
//! tells what becomes of its connection.

use std::net::{IpAddr, SocketAddr};

use minimq::broker::{IpBroker, NamedBroker};
use minimq::config::BufferConfig;
use minimq::mqtt_client::MqttClient;
use minimq::{Broker, ConfigBuilder, Error, Minimq};
use sockstate::Net;

use crate::{HostClock, Options, Outcome, failure};

/// The most messages that minimq keeps until they are acknowledged, by its source. It lets one
/// publish more of them if its buffer has room, and then fails after it has sent the message.
pub const MOST_AT_ONCE: usize = 10;

/// Bytes of the largest MQTT packet, in either direction.
const LARGEST_PACKET: usize = 512;

pub type Client<'buffer, 'net> = MqttClient<'buffer, &'net Net, HostClock, AnyBroker<'net>>;

/// A broker by its address, or by a name that minimq looks up when it wants to connect.
pub enum AnyBroker<'net> {
    Ip(IpBroker),
    Named(Box<NamedBroker<&'net Net>>),
}

impl<'net> AnyBroker<'net> {
    /// The broker of the command line.
    pub fn new(options: &Options, net: &'net Net) -> Outcome<Self> {
        let mut broker = match options.host.parse::<IpAddr>() {
            Ok(address) => AnyBroker::Ip(address.into()),
            Err(_) => {
                // minimq keeps the error of a look-up to itself.
                options.server(net)?;
                let broker = NamedBroker::new(&options.host, net).map_err(failure)?;
                AnyBroker::Named(Box::new(broker))
            }
        };
        broker.set_port(options.port);
        Ok(broker)
    }
}

impl Broker for AnyBroker<'_> {
    fn get_address(&mut self) -> Option<SocketAddr> {
        match self {
            AnyBroker::Ip(broker) => broker.get_address(),
            AnyBroker::Named(broker) => broker.get_address(),
        }
    }

    fn set_port(&mut self, port: u16) {
        match self {
            AnyBroker::Ip(broker) => broker.set_port(port),
            AnyBroker::Named(broker) => broker.set_port(port),
        }
    }
}

/// What a turn of a session has brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// There is a connection that was not there before: subscriptions are to be made.
    pub came_up: bool,
    /// The broker knows nothing of what was under way: what is not acknowledged is lost.
    pub was_reset: bool,
}

/// An MQTT session, which prints what becomes of its connection.
pub struct Session<'buffer, 'net> {
    minimq: Minimq<'buffer, &'net Net, HostClock, AnyBroker<'net>>,
    connected: bool,
    connections: usize,
    trouble: Option<Error<sockstate::Error>>,
}

impl<'buffer, 'net> Session<'buffer, 'net> {
    /// A session with the broker of the command line.
    pub fn new(
        options: &Options,
        net: &'net Net,
        client_id: &str,
        keep_alive: u16,
        buffer: &'buffer mut [u8],
    ) -> Outcome<Self> {
        let broker = AnyBroker::new(options, net)?;
        let config = ConfigBuilder::new(broker, buffer)
            .client_id(client_id)
            .map_err(failure)?
            .keepalive_interval(keep_alive)
            // Small, because minimq takes a message only if its store of unacknowledged ones, the
            // rest of the buffer, has room for one as large as this.
            .tx_buffer(BufferConfig::Exactly(LARGEST_PACKET))
            .rx_buffer(BufferConfig::Exactly(LARGEST_PACKET));
        let minimq = Minimq::new(net, HostClock::start(), config);
        Ok(Session { minimq, connected: false, connections: 0, trouble: None })
    }

    pub fn client(&mut self) -> &mut Client<'buffer, 'net> {
        self.minimq.client()
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Lets minimq do what there is to do. Trouble with the network is printed and not fatal:
    /// minimq tries again at the next turn.
    pub fn turn(&mut self, mut message: impl FnMut(&str, &[u8])) -> Turn {
        let mut turn = Turn::default();
        let result = self.minimq.poll(|_, topic, payload, _| message(topic, payload));
        match result {
            Ok(_) => {}
            Err(Error::SessionReset) => turn.was_reset = true,
            // Once, and not at every turn for as long as the broker is away.
            Err(error) if self.trouble.as_ref() == Some(&error) => {}
            Err(error) => {
                println!("trouble: {error:?}");
                self.trouble = Some(error);
            }
        }
        let connected = self.minimq.client().is_connected();
        if connected && !self.connected {
            self.connections += 1;
            self.trouble = None;
            turn.came_up = true;
            println!("connected{}", if self.connections > 1 { " again" } else { "" });
        }
        if self.connected && !connected {
            println!("connection lost");
        }
        if turn.was_reset {
            println!("the broker has forgotten the session");
        }
        self.connected = connected;
        turn
    }
}
