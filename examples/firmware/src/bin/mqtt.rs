//! A thermometer: publishes what it measures, and obeys commands. `interval 50` has it measure every
//! 50 ms, `stop` ends it; each is answered by a message that says what holds now.
//!
//! The client is minimq, on the embedded-nal traits of `&Net`.
#![no_std]
#![no_main]

use core::fmt::Write;
use core::net::IpAddr;

use cortex_m_rt::entry;
use minimq::broker::NamedBroker;
use minimq::embedded_time::{self, fraction::Fraction};
use minimq::mqtt_client::MqttClient;
use minimq::{ConfigBuilder, Minimq, Publication, QoS};
use sockstate::heapless::String;
use sockstate::{Config, Duration, Error, Instant, Net, Stack, Storage};
use sockstate_firmware::{HARDWARE_ADDR, SEED, clock, say, semihosting::exit};
use static_cell::ConstStaticCell;

const READINGS: &str = "thermometer/reading";
const COMMANDS: &str = "thermometer/command";
const STATUS: &str = "thermometer/status";

/// The connection to the broker, and the look-up of its name.
static STORAGE: ConstStaticCell<Storage<1, 1, 1024, 1024, 512>> =
    ConstStaticCell::new(Storage::new());
/// A third each for what is received, for what is sent, and for what is not acknowledged yet.
static BUFFER: ConstStaticCell<[u8; 768]> = ConstStaticCell::new([0; 768]);

#[entry]
fn main() -> ! {
    exit(run())
}

fn run() -> Result<(), Error> {
    let mut config = Config::ethernet(HARDWARE_ADDR, SEED);
    config.idle = clock::sleep;
    let device = sockstate_firmware::start();
    let stack = Stack::new(STORAGE.take(), device, clock::now, config)?;
    let net = stack.net();
    net.dhcp()?.wait()?;
    // Not the name server that DHCP tells of, which would ask the machine's: the test's, on the host.
    net.set_dns_servers(&[IpAddr::from([10, 0, 2, 2])])?;

    let broker = Broker::new("broker.test", net).expect("a short name");
    let config = ConfigBuilder::new(broker, BUFFER.take());
    let config = config.client_id("thermometer").expect("a short name");
    let mut session = Minimq::new(net, Micros, config);
    let mut thermometer = Thermometer::new();
    let mut quiet_turns = 0;
    while !thermometer.is_done(session.client()) {
        // An error is trouble with the network, and no reason to end: minimq connects again.
        let obeyed = session.poll(|_, _, command, _| thermometer.obey(command));
        let is_quiet = !thermometer.speak(session.client()) && !matches!(obeyed, Ok(Some(())));
        quiet_turns = if is_quiet { quiet_turns + 1 } else { 0 };
        // One such turn may be that in which minimq found itself connected: it goes on in the next.
        if quiet_turns == 2 {
            let left = thermometer.next - clock::now().min(thermometer.next);
            clock::sleep(Some(net.poll_delay().map_or(left, |delay| delay.min(left))));
            quiet_turns = 0;
        }
    }
    say!("mqtt: done");
    Ok(())
}

type Broker<'net> = NamedBroker<&'net Net, 32>;
type Client<'net> = MqttClient<'static, &'net Net, Micros, Broker<'net>>;

struct Thermometer {
    interval: Duration,
    /// When it measures again.
    next: Instant,
    readings: u32,
    is_subscribed: bool,
    /// What holds now is not published yet.
    owes_status: bool,
    is_stopped: bool,
}

impl Thermometer {
    fn new() -> Self {
        Thermometer {
            interval: Duration::from_secs(1),
            next: clock::now(),
            readings: 0,
            is_subscribed: false,
            owes_status: false,
            is_stopped: false,
        }
    }

    fn obey(&mut self, command: &[u8]) {
        let command = str::from_utf8(command).unwrap_or_default();
        let interval = command.strip_prefix("interval ").and_then(|text| text.parse().ok());
        if let Some(millis) = interval {
            self.interval = Duration::from_millis(millis);
            self.next = clock::now();
        }
        self.is_stopped |= command == "stop";
        self.owes_status = true;
    }

    /// Sends the next message, if there is one and the broker takes it; whether it did. Another time
    /// it is sent again.
    fn speak(&mut self, client: &mut Client) -> bool {
        if !client.is_connected() {
            self.is_subscribed = false;
            return false;
        }
        if !self.is_subscribed {
            self.is_subscribed = client.subscribe(&[COMMANDS.into()], &[]).is_ok();
            self.owes_status = self.is_subscribed;
            return self.is_subscribed;
        }
        if client.subscriptions_pending() || !client.can_publish(QoS::AtLeastOnce) {
            return false;
        }
        if self.owes_status {
            self.owes_status = self.publish_status(client).is_err();
            return !self.owes_status;
        }
        self.next <= clock::now() && self.publish_reading(client).is_ok()
    }

    fn publish_status(&self, client: &mut Client) -> Result<(), ()> {
        let mut text: String<32> = String::new();
        let _ = match self.is_stopped {
            true => write!(text, "stopped"),
            false => write!(text, "every {} ms", self.interval.total_millis()),
        };
        let status = Publication::new(STATUS, text.as_str()).qos(QoS::AtLeastOnce);
        client.publish(status).map_err(drop)
    }

    fn publish_reading(&mut self, client: &mut Client) -> Result<(), ()> {
        let mut text: String<32> = String::new();
        // As a sensor would say.
        let _ = write!(text, "21.{}", self.readings % 10);
        client.publish(Publication::new(READINGS, text.as_str())).map_err(drop)?;
        self.readings += 1;
        self.next = clock::now() + self.interval;
        Ok(())
    }

    /// Whether it was told to stop, and the broker has heard that it does.
    fn is_done(&self, client: &Client) -> bool {
        self.is_stopped && !self.owes_status && !client.pending_messages()
    }
}

/// The clock, as minimq wants it.
struct Micros;

impl embedded_time::Clock for Micros {
    type T = u64;

    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000_000);

    fn try_now(&self) -> Result<embedded_time::Instant<Self>, embedded_time::clock::Error> {
        Ok(embedded_time::Instant::new(clock::now().total_micros() as u64))
    }
}
