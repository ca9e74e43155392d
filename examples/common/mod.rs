//! What the examples have in common: the command line, and a stack on a cable or on a TAP.
//!
//! By default the stack is at one end of an in-memory cable, and a peer in the same process at
//! the other. On Linux, `--tap` puts it on a network of the kernel instead.

#![allow(dead_code)] // No example uses all of it.

pub mod peer;

use std::error::Error;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::BufWriter;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::LazyLock;

use sockstate::device::{Cable, StdClock};
use sockstate::smoltcp::phy::{Device, PcapMode, PcapWriter};
use sockstate::{Config, Duration, Heap, IpCidr, Net, Stack};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How to pass the time while a call waits.
pub type Idle<'a> = &'a mut dyn FnMut(Option<Duration>);

const USAGE: &str = "\
options:
  --tap NAME          use the TAP interface NAME instead of a peer in this process
  --address CIDR      the stack's own address (default 192.168.69.1/24)
  --gateway ADDRESS   the router to other networks (default: none)
  --remote HOST:PORT  the peer (default 192.168.69.2:7)
  --pcap FILE         write what crosses the wire to FILE, for Wireshark

a TAP interface for an ordinary user, with the kernel at 192.168.69.2:
  sudo ip tuntap add name tap0 mode tap user $USER
  sudo ip address add 192.168.69.2/24 dev tap0
  sudo ip link set tap0 up";

/// The command line.
pub struct Options {
    pub tap: Option<String>,
    address: IpCidr,
    gateway: Option<std::net::IpAddr>,
    pub remote: SocketAddr,
    /// The memory of the stack. The peer in this process has as much.
    pub heap: Heap,
    pcap: Option<PathBuf>,
}

impl Options {
    /// Reads the command line. Ends the program if it asks for help or makes no sense.
    pub fn from_args() -> Self {
        Options::from_args_with("", |_, _| Ok(false))
    }

    /// As `from_args`, of a program with arguments of its own. `own` is shown each argument, and
    /// those that follow it, before anything else is; it says whether it knows that one.
    pub fn from_args_with(
        usage: &str,
        own: impl FnMut(&str, &mut dyn Iterator<Item = String>) -> Outcome<bool>,
    ) -> Self {
        let mut args = std::env::args().skip(1).peekable();
        if args.peek().is_some_and(|first| first == "--help") {
            println!("{usage}{USAGE}");
            std::process::exit(0);
        }
        Options::parse(args, own).unwrap_or_else(|error| {
            eprintln!("{error}\n\n{usage}{USAGE}");
            std::process::exit(2);
        })
    }

    fn parse(
        mut args: impl Iterator<Item = String>,
        mut own: impl FnMut(&str, &mut dyn Iterator<Item = String>) -> Outcome<bool>,
    ) -> Outcome<Self> {
        let mut options = Options {
            tap: None,
            address: "192.168.69.1/24".parse().map_err(|()| "no address")?,
            gateway: None,
            remote: "192.168.69.2:7".parse()?,
            heap: Heap::default(),
            pcap: None,
        };
        while let Some(option) = args.next() {
            if own(&option, &mut args)? {
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--tap" => options.tap = Some(value),
                "--address" => {
                    options.address = value.parse().map_err(|()| format!("no CIDR: {value}"))?;
                }
                "--gateway" => options.gateway = Some(value.parse()?),
                "--remote" => {
                    options.remote =
                        value.to_socket_addrs()?.next().ok_or("no address for the remote")?;
                }
                "--pcap" => options.pcap = Some(value.into()),
                _ => return Err(format!("unknown option {option}").into()),
            }
        }
        Ok(options)
    }

    /// Runs a program on a stack. `peer` is what it meets at the far end of the cable, if that
    /// is not a TAP interface.
    pub fn run(
        self,
        peer: impl Fn(&Net) -> Outcome<Box<dyn FnMut() + '_>>,
        program: impl Fn(&Net, SocketAddr, Idle<'_>) -> Outcome,
    ) -> Outcome {
        match &self.tap {
            None => {
                let (near, far) = Cable::ethernet().plugs();
                let far = build(
                    far,
                    self.heap,
                    2,
                    &["192.168.69.2/24".parse().map_err(|()| "no address")?],
                )?;
                let mut peer = peer(&far)?;
                let mut idle = |_: Option<Duration>| {
                    peer();
                    // The peer is not called from within itself: this cannot fail.
                    let _ = far.poll();
                };
                self.capture(near, |net, remote| program(net, remote, &mut idle))
            }
            #[cfg(target_os = "linux")]
            Some(name) => {
                let tap = sockstate::device::Tap::open(name)?;
                self.capture(tap, |net, remote| program(net, remote, &mut sockstate::device::sleep))
            }
            #[cfg(not(target_os = "linux"))]
            Some(_) => Err("TAP interfaces are for Linux".into()),
        }
    }

    /// Puts a stack on the device, and a recorder between them if asked to.
    fn capture(
        &self,
        device: impl Device + 'static,
        program: impl FnOnce(&Net, SocketAddr) -> Outcome,
    ) -> Outcome {
        match &self.pcap {
            Some(path) => {
                let file = BufWriter::new(File::create(path)?);
                self.start(PcapWriter::new(device, file, PcapMode::Both), program)
            }
            None => self.start(device, program),
        }
    }

    fn start(
        &self,
        device: impl Device + 'static,
        program: impl FnOnce(&Net, SocketAddr) -> Outcome,
    ) -> Outcome {
        let stack = build(device, self.heap, 1, &[self.address])?;
        if let Some(gateway) = self.gateway {
            stack.set_gateway(gateway)?;
        }
        program(&stack, self.remote)
    }
}

/// A stack with these addresses.
fn build<D: Device + 'static>(
    device: D,
    heap: Heap,
    host: u8,
    addresses: &[IpCidr],
) -> Outcome<Stack<D, StdClock>> {
    // Random enough for an example; a device has a generator for this.
    let seed = RandomState::new().hash_one(host);
    let mac = [0x02, 0, 0, 0, 0, host];
    // One clock for both ends of a cable: a frame arrives when the receiver's has reached the time
    // at which it was sent.
    static CLOCK: LazyLock<StdClock> = LazyLock::new(StdClock::new);
    let stack = Stack::new(heap, device, *CLOCK, Config::ethernet(mac, seed))?;
    for address in addresses {
        stack.add_address(*address)?;
    }
    Ok(stack)
}
