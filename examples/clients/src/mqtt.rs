//! What the MQTT programs have in common: the broker by address or by name, and a client that
//! tells what becomes of its connection.

use std::net::{IpAddr, SocketAddr};

use minimq::broker::IpBroker;
use minimq::mqtt_client::MqttClient;
use minimq::{Broker, ConfigBuilder, Error, Minimq};
use sockstate::Net;

use crate::{HostClock, Options, Outcome, failure};

/// The most messages that minimq keeps until they are acknowledged, by its source. It lets one
/// publish more of them if its buffer has room, and then fails after it has sent the message.
pub const MOST_AT_ONCE: usize = 10;

pub type Client<'buffer, 'net> = MqttClient<'buffer, &'net Net, HostClock, AnyBroker>;

/// A broker by its address, or by a name that is looked up when minimq wants to connect.
pub enum AnyBroker {
    Ip(IpBroker),
}

impl AnyBroker {
    /// The broker of the command line.
    pub fn new(options: &Options, _net: &Net) -> Outcome<Self> {
        let address: IpAddr = options.host.parse()?;
        let mut broker = AnyBroker::Ip(address.into());
        broker.set_port(options.port);
        Ok(broker)
    }
}

impl Broker for AnyBroker {
    fn get_address(&mut self) -> Option<SocketAddr> {
        match self {
            AnyBroker::Ip(broker) => broker.get_address(),
        }
    }

    fn set_port(&mut self, port: u16) {
        match self {
            AnyBroker::Ip(broker) => broker.set_port(port),
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
    minimq: Minimq<'buffer, &'net Net, HostClock, AnyBroker>,
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
            .keepalive_interval(keep_alive);
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
