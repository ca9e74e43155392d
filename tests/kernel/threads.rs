//! A stack that threads share and one of them runs: each connection has a reader and a writer in
//! threads of their own, which sleep until they are woken.

use std::fs;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::Scope;

use sockstate::device::Doze;
use sockstate::{Ready, TcpReader, TcpWriter};

use super::*;

/// Half of them are connected by us, half by the kernel.
const CONNECTIONS: usize = 16;

/// In each direction of each connection.
const BYTES: u64 = 8 * MIB;

/// How long everybody has nothing to do.
const IDLE: Duration = Duration::from_secs(10);

/// A half of a connection as a stream of the standard library. It sleeps until it is woken.
struct Parking<T>(T);

impl<S: Sharing> Read for Parking<&mut TcpReader<'_, S>> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = device::park_until(|waker| {
            self.0.wake_on(Ready::RECEIVE, waker)?;
            self.0.receive(buffer)
        });
        match received {
            Err(Error::PeerClosed) => Ok(0),
            received => received.map_err(io::Error::other),
        }
    }
}

impl<S: Sharing> Write for Parking<&mut TcpWriter<'_, S>> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        device::park_until(|waker| {
            self.0.wake_on(Ready::SEND, waker)?;
            self.0.send(data)
        })
        .map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The time that threads have run, each from its first word on.
#[derive(Default)]
struct Meter(Mutex<Vec<String>>);

impl Meter {
    /// Counts the current thread.
    fn count(&self) {
        let thread = fs::read_link("/proc/thread-self").unwrap();
        self.0.lock().unwrap().push(format!("/proc/{}/schedstat", thread.display()));
    }

    fn read(&self) -> Duration {
        let ran = |path: &String| -> u64 {
            let stat = fs::read_to_string(path).unwrap();
            stat.split(' ').next().unwrap().parse().unwrap()
        };
        Duration::from_nanos(self.0.lock().unwrap().iter().map(ran).sum())
    }
}

/// What the threads of the test have in common.
struct Stage<'s> {
    net: &'s Net<Shared>,
    doze: Doze,
    seed: u64,
    meter: Meter,
    polls: AtomicU64,
    said: mpsc::Sender<Said>,
    /// All is said and done, or the test has failed.
    over: AtomicBool,
    /// Those who sleep until then.
    sleepers: Mutex<Vec<thread::Thread>>,
}

/// Ports of a connection, ours and the kernel's; whether we sent what is meant; and what it was.
type Said = ((u16, u16), bool, Total);

impl Stage<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn sleep_until_over(&self) {
        self.sleepers.lock().unwrap().push(thread::current());
        while !self.is_over() {
            thread::park();
        }
    }

    fn run(&self) {
        self.meter.count();
        let ended = self.net.run(&self.doze.waker(), |delay| {
            self.polls.fetch_add(1, Ordering::Relaxed);
            self.doze.sleep(delay);
            if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        ended.unwrap();
    }

    fn accept<'t>(
        &'t self,
        threads: &'t Scope<'t, '_>,
        mut listener: TcpSocket<'t, Listening, Shared>,
    ) {
        self.meter.count();
        self.sleepers.lock().unwrap().push(thread::current());
        for _ in 0..CONNECTIONS / 2 {
            let accepted = device::park_until(|waker| {
                listener.wake_on(Ready::ACCEPT, waker)?;
                match self.is_over() {
                    true => Err(nb::Error::Other(Error::TimedOut)),
                    false => listener.accept().map_err(|_| nb::Error::WouldBlock),
                }
            });
            self.talk(threads, accepted.unwrap().0);
        }
        self.sleep_until_over();
    }

    /// A thread reads a connection, another writes it. Each says what that was, and keeps it open.
    fn talk<'t>(&'t self, threads: &'t Scope<'t, '_>, socket: TcpSocket<'t, Connected, Shared>) {
        let ours = socket.local_endpoint().unwrap().port;
        let ports = (ours, socket.remote_endpoint().unwrap().port());
        let (mut reader, mut writer) = socket.split();
        threads.spawn(move || {
            self.meter.count();
            let sent = pour(&mut Parking(&mut writer), BYTES, seed_of(self.seed, ports, true));
            self.said.send((ports, true, sent.unwrap())).unwrap();
            self.sleep_until_over();
        });
        threads.spawn(move || {
            self.meter.count();
            let received = drain(&mut Parking(&mut reader).take(BYTES));
            self.said.send((ports, false, received.unwrap())).unwrap();
            self.sleep_until_over();
        });
    }
}

/// Ends the threads of a stage, also when the test fails.
struct Curtain<'s, 'n>(&'s Stage<'n>);

impl Drop for Curtain<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Whoever waits for a peer hears of an end.
            let _ = self.0.net.link_down();
        }
        self.0.over.store(true, Ordering::Release);
        for sleeper in self.0.sleepers.lock().unwrap().iter() {
            sleeper.unpark();
        }
        self.0.doze.waker().wake();
    }
}

fn seed_of(seed: u64, (ours, kernels): (u16, u16), sent: bool) -> u64 {
    seed ^ u64::from(ours) << 32 ^ u64::from(kernels) << 1 ^ u64::from(sent)
}

/// The kernel's side of all connections, each with two threads. It gives the streams back, so that
/// they stay open.
fn kernel_side(listener: &TcpListener, our_server: SocketAddr, seed: u64) -> Vec<KernelSide> {
    let side = |number| {
        let stream = match number % 2 {
            0 => kernel_accept(listener),
            _ => kernel_connect(our_server),
        };
        let ports = (stream.peer_addr().unwrap().port(), stream.local_addr().unwrap().port());
        let (mut reading, mut writing) = (stream.try_clone().unwrap(), stream);
        let writer = thread::spawn(move || {
            let sent = pour(&mut writing, BYTES, seed_of(seed, ports, false)).unwrap();
            (sent, writing)
        });
        let reader = thread::spawn(move || drain(&mut (&mut reading).take(BYTES)).unwrap());
        KernelSide { ports, writer, reader }
    };
    (0..CONNECTIONS).map(side).collect()
}

struct KernelSide {
    ports: (u16, u16),
    writer: JoinHandle<(Total, TcpStream)>,
    reader: JoinHandle<Total>,
}

/// Asks and is answered until `done`, in the way that needs nobody to run the stack: it polls, and
/// sleeps for a millisecond at most.
fn ask_meanwhile(stage: &Stage<'_>, peer: SocketAddr, mut done: impl FnMut() -> bool) -> u32 {
    let mut socket = stage.net.udp().unwrap().connect(peer).unwrap();
    let mut questions = 0;
    while !done() {
        check_limit();
        socket.send(&[questions as u8; 32]).unwrap();
        questions += 1;
        let answer = stage.net.block_for(ours(PATIENCE), || socket.receive(&mut [0; 64]));
        assert_eq!(answer, Ok(32));
    }
    // It ends the one who answers.
    socket.send(&[]).unwrap();
    stage.net.block(|| socket.flush()).unwrap();
    questions
}

fn answer_questions(socket: &UdpSocket) {
    let mut buffer = [0; 64];
    loop {
        match socket.recv_from(&mut buffer).unwrap() {
            (0, _) => return,
            (size, from) => assert_eq!(socket.send_to(&buffer[..size], from).unwrap(), size),
        }
    }
}

pub(crate) fn readers_and_writers_in_threads_of_their_own(family: Family) {
    let wire = Wire::new(family);
    let tap = wire.tap();
    let doze = tap.doze().unwrap();
    let heap = Heap { tcp: 2 * CONNECTIONS, ..Heap::default() };
    let stack = Stack::shared(heap, tap, StdClock::new(), wire.config()).unwrap();
    wire.join(&stack);

    let (seed, our_server) = (wire.seed, wire.our(PORT));
    let (listener, server) = wire.kernel_listener();
    let (udp, udp_server) = wire.kernel_udp();
    let our_listener = stack.tcp().unwrap().bind(PORT).unwrap().listen(8).unwrap();
    let (said, hear) = mpsc::channel();
    let stage = &Stage {
        net: &stack,
        doze,
        seed,
        meter: Meter::default(),
        polls: AtomicU64::new(0),
        said,
        over: AtomicBool::new(false),
        sleepers: Mutex::default(),
    };
    let start = Instant::now();
    let kernel = thread::spawn(move || kernel_side(&listener, our_server, seed));
    let answering = thread::spawn(move || answer_questions(&udp));

    thread::scope(|threads| {
        let _curtain = Curtain(stage);
        threads.spawn(|| stage.run());
        threads.spawn(|| stage.accept(threads, our_listener));
        threads.spawn(|| {
            start_limit();
            for _ in 0..CONNECTIONS / 2 {
                stage.talk(threads, connect(stage.net, server));
            }
        });
        let mut totals = Vec::new();
        let questions = ask_meanwhile(stage, udp_server, || {
            totals.extend(hear.try_iter());
            totals.len() == 2 * CONNECTIONS
        });
        report_rate("in all", 2 * BYTES * CONNECTIONS as u64, start);
        answering.join().unwrap();

        let mut total = |ports, sent| {
            let at = totals.iter().position(|one| (one.0, one.1) == (ports, sent));
            totals.swap_remove(at.expect("both sides know the connection")).2
        };
        let mut open = Vec::new();
        for side in kernel.join().unwrap() {
            let (sent, stream) = side.writer.join().unwrap();
            assert_eq!(side.reader.join().unwrap(), total(side.ports, true));
            assert_eq!(sent, total(side.ports, false));
            open.push(stream);
        }

        let (ran, polls) = (stage.meter.read(), stage.polls.load(Ordering::Relaxed));
        assert!(hear.recv_timeout(IDLE).is_err(), "nobody has anything to say");
        let load = (stage.meter.read() - ran).as_secs_f64() / IDLE.as_secs_f64() * 100.0;
        let polls = stage.polls.load(Ordering::Relaxed) - polls;
        println!("{questions} questions meanwhile");
        println!("idle for {IDLE:?}: {load:.3} % of a core, {polls} polls");
        assert!(load < 1.0, "{load} % of a core");
        assert!(polls < 100, "{polls} polls");
    });
}

/// An interface that is down, or gone for good, keeps nobody awake who sleeps until a frame comes.
pub(crate) fn an_interface_that_is_gone_keeps_nobody_awake(family: Family) {
    const NAP: Duration = Duration::from_millis(20);
    let wire = Wire::new(family);
    let tap = wire.tap();
    let doze = tap.doze().unwrap();
    let stack = Stack::new(Heap::default(), tap, StdClock::new(), wire.config()).unwrap();
    wire.join(&stack);
    let naps = || {
        let start = Instant::now();
        let mut naps = 0;
        while start.elapsed() < 10 * NAP {
            stack.poll().unwrap();
            doze.sleep(Some(ours(NAP)));
            naps += 1;
        }
        naps
    };
    wire.unplug();
    let down = naps();
    ip(&["link", "delete", &wire.name]);
    let gone = naps();
    assert!(down < 20 && gone < 250, "awake {down} times while down, {gone} times while gone");
}
