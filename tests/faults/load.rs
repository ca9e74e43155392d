//! Threads under load: readers and writers of the same connections, and whoever opens, closes and
//! drops sockets as a seed has it, on two stacks that lose frames. All bytes are right, and nothing
//! is left of any of it. `SOCKSTATE_SEED` says which seed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::phy::{self, DeviceCapabilities};
use sockstate::state::Connected;
use sockstate::{Clock, Config, Duration, Error, Instant, Net, Protocol, Shared, Stack, TcpSocket};
use sockstate::{device::StdClock, nb};

use super::common::{Random, far};
use super::pair::HEAP;
use super::scene::ECHO;

const WORKERS: u64 = 3;
const ROUNDS: usize = 12;
/// Each end loses every fifth frame, until it has lost so many.
const LOSSES: usize = 60;

/// A hundred times as fast as real time, so that nobody waits long for what was lost.
struct Fast(StdClock);

impl Clock for Fast {
    fn now(&mut self) -> Instant {
        Instant::from_micros(self.0.now().total_micros() * 100)
    }
}

struct Losing {
    plug: Plug,
    frames: usize,
}

impl phy::Device for Losing {
    type RxToken<'a> = <Plug as phy::Device>::RxToken<'a>;
    type TxToken<'a> = Way<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Way<'_>)> {
        let (rx, _) = self.plug.receive(now)?;
        Some((rx, Way { device: self, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Way<'_>> {
        Some(Way { device: self, now })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.plug.capabilities()
    }
}

struct Way<'a> {
    device: &'a mut Losing,
    now: Instant,
}

impl phy::TxToken for Way<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.device.frames += 1;
        let frames = self.device.frames;
        if !frames.is_multiple_of(5) || frames > 5 * LOSSES {
            self.device.plug.inject(self.now, &frame);
        }
        result
    }
}

fn stack(plug: Plug, host: u8) -> Stack<Losing, Fast, Shared> {
    let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
    config.idle = |_| thread::yield_now();
    // Nobody is given up because the machine had other things to do.
    let patience = Some(Duration::from_secs(3_600));
    config.deadlines.connect = patience;
    config.deadlines.handshake = patience;
    config.deadlines.unreachable = patience;
    config.deadlines.closing = patience;
    let device = Losing { plug, frames: 0 };
    let stack = Stack::shared(HEAP, device, Fast(StdClock::new()), config).unwrap();
    stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
    stack
}

type Socket<'net> = TcpSocket<'net, Connected, Shared>;

/// Sends back what comes, on all connections, until nobody comes any more.
fn serve(net: &Net<Shared>, is_over: &AtomicBool) {
    let mut listener = net.tcp().unwrap().bind(ECHO).unwrap().listen(3).unwrap();
    let mut connections: Vec<Socket<'_>> = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        if let Ok((mut connection, _)) = listener.accept() {
            // The RST of a client that aborts may be lost: the connection would have no end.
            connection.set_keep_alive(Some(Duration::from_secs(10))).unwrap();
            connections.push(connection);
        }
        connections.retain_mut(|connection| {
            let mut buffer = [0; 600];
            let room = connection.send_room().map_or(1, |room| room.min(buffer.len()));
            if room == 0 {
                return true;
            }
            match connection.receive(&mut buffer[..room]) {
                Ok(size) => connection.send(&buffer[..size]) == Ok(size),
                Err(error) => error == nb::Error::WouldBlock,
            }
        });
        thread::yield_now();
    }
}

fn byte(seed: u64, at: usize) -> u8 {
    (seed as usize ^ at ^ at >> 7) as u8
}

fn connect(net: &Net<Shared>) -> Socket<'_> {
    loop {
        match net.tcp() {
            Ok(socket) => return socket.connect(far(ECHO)).unwrap().wait().unwrap(),
            // Others have them all, or are closing.
            Err(Error::OutOfSlots(Protocol::Tcp)) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Bytes there and back, sent by one thread and received by another.
fn exchange(net: &Net<Shared>, random: &mut Random) {
    let (seed, bytes) = (random.next(), 1 + random.below(6_000));
    let (mut reader, mut writer) = connect(net).split();
    let reader = thread::scope(|threads| {
        let reading = threads.spawn(move || {
            let (mut at, mut buffer) = (0, [0; 500]);
            while at < bytes {
                let limit = Duration::from_secs(2_000);
                let size = net.block_for(limit, || reader.receive(&mut buffer)).unwrap();
                assert!((0..size).all(|place| buffer[place] == byte(seed, at + place)));
                at += size;
            }
            reader
        });
        let data: Vec<u8> = (0..bytes).map(|at| byte(seed, at)).collect();
        for part in data.chunks(1 + random.below(900)) {
            writer.send_all(part).unwrap();
        }
        reading.join().unwrap()
    });
    let socket = reader.reunite(writer).unwrap();
    match random.below(3) {
        0 => drop(socket),
        1 => socket.abort(),
        _ => drop(socket.close().wait().unwrap()),
    }
}

fn work(net: &Net<Shared>, mut random: Random) {
    for _ in 0..ROUNDS {
        match random.below(6) {
            0 => drop(net.tcp().map(|socket| socket.connect(far(ECHO)).unwrap())),
            1 => drop(net.tcp().map(|socket| socket.bind(1 + random.next() as u16 % 999))),
            2 => {
                if let Ok(mut socket) = net.udp().map(|socket| socket.connect(far(9)).unwrap()) {
                    net.block(|| socket.send(b"to nobody")).unwrap();
                }
            }
            _ => exchange(net, &mut random),
        }
    }
}

#[test]
fn all_is_right_and_nothing_is_left() {
    let seed = std::env::var("SOCKSTATE_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    println!("SOCKSTATE_SEED={seed}");
    let (near, far) = Cable::ethernet().plugs();
    let (near, far) = (stack(near, 1), stack(far, 2));
    let (is_served, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|threads| {
        for stack in [&near, &far] {
            threads.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    stack.poll().unwrap();
                    thread::yield_now();
                }
            });
        }
        let server = threads.spawn(|| serve(&far, &is_served));
        // A connection that is refused comes before the server: it is there first.
        while far.free_slots(Protocol::Tcp).unwrap() > HEAP.tcp - 3 {
            thread::yield_now();
        }
        let near = &near;
        let workers: Vec<_> = (0..WORKERS)
            .map(|who| threads.spawn(move || work(near, Random(seed ^ who << 32))))
            .collect();
        let done: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        is_served.store(true, Ordering::Release);
        server.join().unwrap();
        let all_free = [near, &far].map(|stack| {
            stack.block_for(Duration::from_secs(300), || {
                let free = [Protocol::Tcp, Protocol::Udp].map(|what| stack.free_slots(what));
                let are_free = free == [Ok(HEAP.tcp), Ok(HEAP.udp)];
                if are_free { Ok::<_, nb::Error<Error>>(()) } else { Err(nb::Error::WouldBlock) }
            })
        });
        is_over.store(true, Ordering::Release);
        assert!(done.iter().all(Result::is_ok), "a worker failed");
        assert_eq!(all_free, [Ok(()); 2], "all slots are free");
    });
}
