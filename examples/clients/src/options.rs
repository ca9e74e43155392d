//! The command line of the programs, and the stack that it describes.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::BufWriter;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use std::{process, thread};

use embedded_nal::{AddrType, Dns};
use sockstate::Protocol::{Tcp, Udp};
use sockstate::device::{self, StdClock, Tap};
use sockstate::smoltcp::phy::{Device, PcapMode, PcapWriter};
use sockstate::{Config, Error, Heap, IpCidr, Net, Stack, nb};

use crate::{Outcome, pause};

const USAGE: &str = "\
options of all programs:
  --tap NAME          the TAP interface to use (needed)
  --address CIDR      the stack's own address (default 192.168.69.1/24)
  --gateway ADDRESS   the router to other networks (default: none)
  --dns ADDRESS       a name server (default: none)
  --remote HOST:PORT  the server, by address or by name
  --pcap FILE         write what crosses the wire to FILE, for Wireshark
  --limit SECONDS     give up after so long (default 60)

a TAP interface for an ordinary user, with the kernel at 192.168.69.2:
  sudo ip tuntap add name tap0 mode tap user $USER
  sudo ip address add 192.168.69.2/24 dev tap0
  sudo ip link set tap0 up
or, with no help of an administrator, in a network namespace of one's own:
  scripts/clients --help";

/// The exit status of a program that ran into its time limit.
const OUT_OF_TIME: i32 = 3;

/// How long closed connections may take to deliver what they still have.
const LINGER: sockstate::Duration = sockstate::Duration::from_secs(1);

/// An option that one program has for itself.
pub struct Own {
    pub name: &'static str,
    /// What its value is called, if it has one.
    pub value: Option<&'static str>,
    pub help: &'static str,
}

/// Whether a program that is a future was woken, and the thread to be woken with it.
struct Task {
    woken: AtomicBool,
    runner: Waker,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.runner.wake_by_ref();
    }
}

/// The command line.
pub struct Options {
    tap: String,
    address: IpCidr,
    gateway: Option<IpAddr>,
    dns: Option<IpAddr>,
    pub host: String,
    pub port: u16,
    pcap: Option<PathBuf>,
    limit: Duration,
    own: BTreeMap<&'static str, String>,
}

impl Options {
    /// Reads the command line. Ends the program if it asks for help or makes no sense.
    pub fn from_args(about: &str, port: u16, own: &[Own]) -> Self {
        let usage = || {
            let mut usage = format!("{about}\n\n");
            if !own.is_empty() {
                usage.push_str("options of this program:\n");
            }
            for Own { name, value, help } in own {
                let option = format!("{name} {}", value.unwrap_or_default());
                usage.push_str(&format!("  {option:<19} {help}\n"));
            }
            usage + USAGE
        };
        let mut args = std::env::args().skip(1).peekable();
        if args.peek().is_some_and(|arg| arg == "--help") {
            println!("{}", usage());
            process::exit(0);
        }
        Options::parse(args, port, own).unwrap_or_else(|error| {
            eprintln!("{error}\n\n{}", usage());
            process::exit(2);
        })
    }

    fn parse(mut args: impl Iterator<Item = String>, port: u16, own: &[Own]) -> Outcome<Self> {
        let mut tap = None;
        let mut options = Options {
            tap: String::new(),
            address: "192.168.69.1/24".parse().map_err(|()| "no address")?,
            gateway: None,
            dns: None,
            host: "192.168.69.2".into(),
            port,
            pcap: None,
            limit: Duration::from_secs(60),
            own: BTreeMap::new(),
        };
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{option} needs a value"));
            if let Some(own) = own.iter().find(|own| own.name == option) {
                let value = if own.value.is_some() { value()? } else { String::new() };
                options.own.insert(own.name, value);
                continue;
            }
            let value = value()?;
            match option.as_str() {
                "--tap" => tap = Some(value),
                "--address" => {
                    options.address = value.parse().map_err(|()| format!("no CIDR: {value}"))?;
                }
                "--gateway" => options.gateway = Some(value.parse()?),
                "--dns" => options.dns = Some(value.parse()?),
                "--remote" => {
                    let (host, port) = value.rsplit_once(':').ok_or("--remote is HOST:PORT")?;
                    options.host = host.trim_matches(['[', ']']).into();
                    options.port = port.parse()?;
                }
                "--pcap" => options.pcap = Some(value.into()),
                "--limit" => options.limit = Duration::from_secs(value.parse()?),
                _ => return Err(format!("unknown option {option}").into()),
            }
        }
        options.tap = tap.ok_or("--tap is needed")?;
        Ok(options)
    }

    /// An option of this program.
    pub fn own(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// A number that is an option of this program.
    pub fn number<T: FromStr>(&self, name: &str) -> Outcome<Option<T>> {
        let number = |text: &str| text.parse().map_err(|_| format!("{name}: no number: {text}"));
        Ok(self.own(name).map(number).transpose()?)
    }

    /// The address of the server, looked up if it was given by name.
    pub fn server(&self, mut net: &Net) -> Outcome<SocketAddr> {
        loop {
            match net.get_host_by_name(&self.host, AddrType::Either) {
                Ok(addr) => return Ok(SocketAddr::new(addr, self.port)),
                Err(nb::Error::WouldBlock) => pause(),
                Err(nb::Error::Other(error)) => {
                    return Err(format!("{}: {error}", self.host).into());
                }
            }
        }
    }

    /// The address of the server, looked up by a task if it was given by name.
    pub async fn server_async(&self, net: &Net) -> Outcome<SocketAddr> {
        let addr = net.lookup(&self.host, sockstate::AddrType::Either)?.await;
        Ok((addr.map_err(|error| format!("{}: {error}", self.host))?, self.port).into())
    }

    /// Runs a program on a stack, for as long as its time limit allows.
    pub fn run(self, program: impl FnOnce(&Options, &Net) -> Outcome) -> Outcome {
        self.limit_time();
        let tap = self.open()?;
        self.start(tap, |stack| program(&self, stack))
    }

    /// Runs a program that is a future on a stack, in one thread: this polls the stack, and sleeps
    /// until there is a frame, a deadline of the stack, or a wake-up. The future is polled when it
    /// was woken, as by any executor, and by its timers as any task.
    pub fn run_async(self, program: impl AsyncFnOnce(&Options, &Net) -> Outcome) -> Outcome {
        self.limit_time();
        let tap = self.open()?;
        let doze = tap.doze()?;
        self.start(tap, |stack| {
            let task = Arc::new(Task { woken: AtomicBool::new(true), runner: doze.waker() });
            let (waker, mut outcome) = (Waker::from(task.clone()), None);
            let mut future = pin!(program(&self, stack));
            stack.run(&task.runner, |delay| {
                if task.woken.swap(false, Ordering::AcqRel)
                    && let Poll::Ready(over) =
                        future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    outcome = Some(over);
                    return ControlFlow::Break(());
                }
                doze.sleep(delay);
                ControlFlow::Continue(())
            })?;
            outcome.unwrap_or(Ok(()))
        })
    }

    /// Ends the process when its time is over: in a thread of its own, because a client crate may
    /// wait for something in a loop that only the crate could leave.
    fn limit_time(&self) {
        let limit = self.limit;
        thread::spawn(move || {
            thread::sleep(limit);
            eprintln!("not done within {limit:?}");
            process::exit(OUT_OF_TIME);
        });
    }

    fn open(&self) -> Outcome<Tap> {
        Ok(Tap::open(&self.tap).map_err(|error| format!("{}: {error}", self.tap))?)
    }

    fn start(&self, tap: Tap, program: impl FnOnce(&Net) -> Outcome) -> Outcome {
        match &self.pcap {
            Some(path) => {
                let file = BufWriter::new(File::create(path)?);
                self.start_on(PcapWriter::new(tap, file, PcapMode::Both), program)
            }
            None => self.start_on(tap, program),
        }
    }

    fn start_on(
        &self,
        device: impl Device + 'static,
        program: impl FnOnce(&Net) -> Outcome,
    ) -> Outcome {
        // Random enough for an example; a device has a generator for this.
        let seed = RandomState::new().hash_one(&self.tap);
        let mut config = Config::ethernet([0x02, 0, 0, 0, 0, 1], seed);
        config.idle = device::sleep;
        let stack = Stack::new(Heap::default(), device, StdClock::new(), config)?;
        stack.add_address(self.address)?;
        if let Some(gateway) = self.gateway {
            stack.set_gateway(gateway)?;
        }
        stack.set_dns_servers(self.dns.as_slice())?;
        let slots = |net: &Net| Ok::<_, Error>((net.free_slots(Tcp)?, net.free_slots(Udp)?));
        let all = slots(&stack)?;
        let outcome = program(&stack);
        // The program has closed its sockets, also if it has failed, but the end of the process
        // would cut the closing off: on a device the stack goes on by itself. What is left after
        // that has only its TIME-WAIT before it.
        let closed =
            || if slots(&stack)? == all { Ok(()) } else { Err(nb::Error::<Error>::WouldBlock) };
        match stack.block_for(LINGER, closed) {
            Ok(()) | Err(Error::TimedOut) => outcome,
            Err(error) => outcome.and(Err(error.into())),
        }
    }
}
