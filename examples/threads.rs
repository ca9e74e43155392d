//! Many connections, each read by one thread and written by another, on a stack that one more
//! thread runs. Nobody polls in vain: whoever has nothing to do sleeps until it is woken.
//!
//! Every connection sends so many bytes, and receives as many: of a peer in the same process, which
//! echoes, or on a TAP interface of the one at `--remote`, or of those who connect to `--listen`.
//! Then all of them are idle for a while, and the time that the processor took is shown.
//!
//! ```sh
//! cargo run --release --example threads
//! cargo run --release --example threads -- --tap tap0 --remote 192.168.69.2:7000 --idle 10
//! cargo run --release --example threads -- --tap tap0 --listen 7000 --connections 4
//! ```

use std::error::Error;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::task::Waker;
use std::thread::{self, Scope, Thread};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sockstate::device::{self, Cable, StdClock, park_until};
use sockstate::smoltcp::phy::Device;
use sockstate::state::{Connected, Listening};
use sockstate::{
    Config, Error as NetError, Heap, IpCidr, Net, Ready, Shared, Stack, TcpReader, TcpSocket,
    TcpWriter, nb,
};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "\
options:
  --tap NAME          use the TAP interface NAME instead of a peer in this process
  --address CIDR      the stack's own address (default 192.168.69.1/24)
  --remote HOST:PORT  connect to this peer (default 192.168.69.2:7)
  --listen PORT       wait for connections to this port instead
  --connections N     so many (default 16)
  --bytes N           in each direction of each connection (default 1048576)
  --idle SECONDS      keep them open and idle (default 1)";

struct Options {
    tap: Option<String>,
    address: IpCidr,
    remote: SocketAddr,
    listen: Option<u16>,
    connections: usize,
    bytes: u64,
    idle: Duration,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Options {
            tap: None,
            address: cidr("192.168.69.1/24")?,
            remote: "192.168.69.2:7".parse()?,
            listen: None,
            connections: 16,
            bytes: 1 << 20,
            idle: Duration::from_secs(1),
        };
        while let Some(option) = args.next() {
            if option == "--help" {
                println!("{USAGE}");
                std::process::exit(0);
            }
            let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--tap" => options.tap = Some(value),
                "--address" => options.address = cidr(&value)?,
                "--remote" => options.remote = value.parse()?,
                "--listen" => options.listen = Some(value.parse()?),
                "--connections" => options.connections = value.parse()?,
                "--bytes" => options.bytes = value.parse()?,
                "--idle" => options.idle = Duration::from_secs(value.parse()?),
                _ => return Err(format!("unknown option {option}").into()),
            }
        }
        Ok(options)
    }
}

fn cidr(text: &str) -> Outcome<IpCidr> {
    text.parse().map_err(|()| format!("no CIDR: {text}").into())
}

fn main() -> Outcome {
    let options = Options::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("{error}\n\n{USAGE}");
        std::process::exit(2);
    });
    match &options.tap {
        None => in_one_process(&options),
        #[cfg(target_os = "linux")]
        Some(name) => {
            let tap = device::Tap::open(name)?;
            let doze = tap.doze()?;
            let stack = build(tap, 1, options.address, options.connections)?;
            let show = Show::default();
            thread::scope(|threads| {
                threads.spawn(|| show.run(stack.net(), doze.waker(), |delay| doze.sleep(delay)));
                let outcome = show.transfer(threads, stack.net(), &options);
                show.end();
                doze.waker().wake();
                outcome
            })
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => Err("TAP interfaces are for Linux".into()),
    }
}

/// Both ends of a cable. It tells nobody that a frame has come: who runs a stack looks every
/// millisecond.
fn in_one_process(options: &Options) -> Outcome {
    let (near, far) = Cable::ethernet().plugs();
    let near = build(near, 1, options.address, options.connections)?;
    let far = build(far, 2, cidr("192.168.69.2/24")?, options.connections)?;
    let show = Show::default();
    let mut listener = far.tcp()?.bind(options.remote.port())?.listen(BACKLOG as u16)?;
    thread::scope(|threads| {
        threads.spawn(|| show.run(&near, device::thread_waker(), device::sleep));
        threads.spawn(|| show.run(&far, device::thread_waker(), device::sleep));
        threads.spawn(|| {
            let show = &show;
            while let Ok(connection) = show.accept(&mut listener) {
                threads.spawn(move || show.echo(connection));
            }
        });
        let outcome = show.transfer(threads, &near, options);
        show.end();
        outcome
    })
}

/// Room for connection requests, beside that for connections.
const BACKLOG: usize = 8;

/// A stack with one address, and room for so many connections.
fn build<D: Device + Send + 'static>(
    device: D,
    host: u8,
    address: IpCidr,
    connections: usize,
) -> Outcome<Stack<D, StdClock, Shared>> {
    // Random enough for an example; a device has a generator for this.
    let seed = RandomState::new().hash_one(host);
    let config = Config::ethernet([0x02, 0, 0, 0, 0, host], seed);
    let heap = Heap { tcp: connections + BACKLOG, ..Heap::default() };
    let stack = Stack::shared(heap, device, StdClock::new(), config)?;
    stack.add_address(address)?;
    Ok(stack)
}

type Connection<'net> = TcpSocket<'net, Connected, Shared>;

/// What is told at the end of each transfer.
type Told = Result<String, NetError>;

/// What all threads have in common.
#[derive(Default)]
struct Show {
    polls: AtomicU64,
    over: AtomicBool,
    sleepers: Mutex<Vec<Thread>>,
}

impl Show {
    /// Ends what still waits.
    fn end(&self) {
        self.over.store(true, Ordering::Release);
        for sleeper in self.sleepers.lock().unwrap().iter() {
            sleeper.unpark();
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// From now on, the end of all wakes the thread.
    fn join(&self) {
        self.sleepers.lock().unwrap().push(thread::current());
    }

    /// Sleeps until the stack has something for the thread, or all is over.
    fn wait<R>(
        &self,
        mut op: impl FnMut(&Waker) -> nb::Result<R, NetError>,
    ) -> Result<R, NetError> {
        park_until(|waker| match self.is_over() {
            true => Err(NetError::TimedOut.into()),
            false => op(waker),
        })
    }

    fn run(
        &self,
        net: &Net<Shared>,
        waker: Waker,
        sleep: impl Fn(Option<sockstate::Duration>),
    ) -> Result<(), NetError> {
        net.run(&waker, |delay| {
            self.polls.fetch_add(1, Ordering::Relaxed);
            sleep(delay);
            if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    fn accept<'net>(
        &self,
        listener: &mut TcpSocket<'net, Listening, Shared>,
    ) -> Result<Connection<'net>, NetError> {
        self.join();
        let accepted = self.wait(|waker| {
            listener.wake_on(Ready::ACCEPT, waker)?;
            listener.accept().map_err(|_| nb::Error::WouldBlock)
        });
        accepted.map(|(connection, _)| connection)
    }

    fn connect<'net>(
        &self,
        net: &'net Net<Shared>,
        remote: SocketAddr,
    ) -> Result<Connection<'net>, NetError> {
        self.join();
        let mut socket = net.tcp()?.connect(remote)?;
        self.wait(|waker| {
            socket.wake_on(Ready::SEND, waker)?;
            socket.poll()
        })?;
        socket.wait().map_err(NetError::from)
    }

    fn receive(
        &self,
        reader: &mut TcpReader<'_, Shared>,
        buffer: &mut [u8],
    ) -> Result<usize, NetError> {
        self.wait(|waker| {
            reader.wake_on(Ready::RECEIVE, waker)?;
            reader.receive(buffer)
        })
    }

    fn send_all(
        &self,
        writer: &mut TcpWriter<'_, Shared>,
        mut data: &[u8],
    ) -> Result<(), NetError> {
        while !data.is_empty() {
            let sent = self.wait(|waker| {
                writer.wake_on(Ready::SEND, waker)?;
                writer.send(data)
            })?;
            data = data.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends back what comes.
    fn echo(&self, connection: Connection<'_>) -> Result<(), NetError> {
        self.join();
        let (mut reader, mut writer) = connection.split();
        let mut buffer = [0; 16 * 1024];
        loop {
            let received = self.receive(&mut reader, &mut buffer)?;
            self.send_all(&mut writer, &buffer[..received])?;
        }
    }

    fn pour(&self, writer: &mut TcpWriter<'_, Shared>, number: usize, bytes: u64) -> Told {
        let mut sum = Sha256::new();
        let mut sent = 0;
        let mut chunk = [0; 16 * 1024];
        while sent < bytes {
            for (byte, at) in chunk.iter_mut().zip(sent..) {
                *byte = (at ^ at >> 8 ^ number as u64) as u8;
            }
            let len = (bytes - sent).min(chunk.len() as u64);
            let data = &chunk[..len as usize];
            self.send_all(writer, data)?;
            sum.update(data);
            sent += len;
        }
        Ok(format!("connection {number} sent     {sent} bytes, SHA-256 {}", hex(sum)))
    }

    fn drain(&self, reader: &mut TcpReader<'_, Shared>, number: usize, bytes: u64) -> Told {
        let mut sum = Sha256::new();
        let mut received = 0;
        let mut chunk = [0; 16 * 1024];
        while received < bytes {
            let room = (bytes - received).min(chunk.len() as u64);
            let len = self.receive(reader, &mut chunk[..room as usize])?;
            sum.update(&chunk[..len]);
            received += len as u64;
        }
        Ok(format!("connection {number} received {received} bytes, SHA-256 {}", hex(sum)))
    }

    /// Opens the connections, transfers, and stays idle.
    fn transfer<'t, 'net: 't>(
        &'t self,
        threads: &'t Scope<'t, '_>,
        net: &'net Net<Shared>,
        options: &Options,
    ) -> Outcome {
        let mut listener = match options.listen {
            Some(port) => Some(net.tcp()?.bind(port)?.listen(BACKLOG as u16)?),
            None => None,
        };
        let (tell, told) = mpsc::channel();
        let bytes = options.bytes;
        let start = Instant::now();
        for number in 0..options.connections {
            let connection = match &mut listener {
                Some(listener) => self.accept(listener)?,
                None => self.connect(net, options.remote)?,
            };
            let (mut reader, mut writer) = connection.split();
            let tell_sent = tell.clone();
            threads.spawn(move || {
                self.join();
                // Whoever is told may have given up.
                let _ = tell_sent.send(self.pour(&mut writer, number, bytes));
                while !self.is_over() {
                    thread::park();
                }
            });
            let tell_received = tell.clone();
            threads.spawn(move || {
                self.join();
                let _ = tell_received.send(self.drain(&mut reader, number, bytes));
                // It is the reader that would notice if the peer said more, or left.
                let _ = self.receive(&mut reader, &mut [0]);
            });
        }
        for line in told.iter().take(2 * options.connections) {
            println!("{}", line?);
        }
        let total = 2 * bytes * options.connections as u64;
        let rate = total as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64();
        println!("{total} bytes in all: {rate:.0} MiB/s");

        let (ran, polls) = (time_run()?, self.polls.load(Ordering::Relaxed));
        thread::sleep(options.idle);
        let load = (time_run()? - ran).as_secs_f64() / options.idle.as_secs_f64() * 100.0;
        let polls = self.polls.load(Ordering::Relaxed) - polls;
        println!("idle for {:?}: {load:.3} % of a core, {polls} polls", options.idle);
        if options.tap.is_none() {
            println!("(nobody tells of frames on a cable: both stacks look every millisecond)");
        }
        Ok(())
    }
}

fn hex(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time that the threads of this process have run.
fn time_run() -> Outcome<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran: u64 = stat.split(' ').next().unwrap_or_default().parse()?;
        nanoseconds += ran;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
