//! Nobody sleeps who has something to do: pairs of stacks, whose sockets, readers and writers are
//! each in a thread of its own. All sleep without a limit until they are woken, and time stands
//! still, so that one wake-up that is lost is the end of it.
//!
//! `SOCKSTATE_SECONDS` says for how long to look, `SOCKSTATE_SEED` where to begin.

use std::future::{Future, poll_fn};
use std::mem::replace;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time;

use sockstate::device::{park_until, thread_waker};
use sockstate::state::Connected;
use sockstate::{Error, Heap, Net, Ready, Shared, TcpReader, TcpSocket, TcpWriter, nb};

use crate::alarm::{End, Random, at_once, ends};

/// What nobody takes who is not asleep for good.
const PATIENCE: time::Duration = time::Duration::from_secs(20);

/// Small buffers, so that everybody waits often.
const HEAP: Heap = Heap {
    tcp: 24,
    udp: 8,
    tcp_rx: 600,
    tcp_tx: 500,
    udp_buf: 600,
    udp_packets: 2,
    ..Heap::DEFAULT
};

/// The far end closes no window: smoltcp tells of room in the question whether the peer's window is
/// still closed, and forgets that it did, so that what is sent for that room has to come again. It
/// never does while time stands still.
const FAR_HEAP: Heap = Heap { tcp_rx: 30_000, ..HEAP };

fn byte(seed: u64, at: usize) -> u8 {
    (seed as usize ^ at ^ at >> 7) as u8
}

/// Threads, and what tells that all of them are done.
struct Crew {
    threads: Vec<JoinHandle<()>>,
    done: Sender<()>,
}

impl Crew {
    fn add(&mut self, name: &str, work: impl FnOnce() + Send + 'static) {
        let done = self.done.clone();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Dropped at the end of the thread, whatever that is.
            let _done = done;
            work();
        });
        self.threads.push(thread.unwrap());
    }
}

/// What one scenario has: its stacks, its port, its seed, and whether its threads wait for futures.
#[derive(Clone, Copy)]
struct Scene {
    near: &'static Net<Shared>,
    far: &'static Net<Shared>,
    port: u16,
    seed: u64,
    tasks: bool,
}

/// Waits for a future, asleep until it is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = thread_waker();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

impl Scene {
    fn server(&self) -> SocketAddr {
        ([192, 168, 69, 2], self.port).into()
    }

    fn random(&self, who: u64) -> Random {
        Random(self.seed ^ who.wrapping_mul(0x1234_5678_9abc_def1))
    }

    /// Opens a connection. The listener is there before anybody connects to it.
    fn connect(
        self,
        crew: &mut Crew,
        near: impl FnOnce(TcpSocket<'static, Connected, Shared>) + Send + 'static,
        far: impl FnOnce(TcpSocket<'static, Connected, Shared>) + Send + 'static,
    ) {
        let mut listener = self.far.tcp().unwrap().bind(self.port).unwrap().listen(1).unwrap();
        crew.add("server", move || {
            let accepted = park_until(|waker| {
                listener.wake_on(Ready::ACCEPT, waker).unwrap();
                listener.accept()
            });
            far(at_once(accepted.unwrap().0));
        });
        crew.add("client", move || {
            let mut socket = self.near.tcp().unwrap().connect(self.server()).unwrap();
            park_until(|waker| {
                socket.wake_on(Ready::SEND, waker)?;
                socket.poll()
            })
            .unwrap();
            let Ok(socket) = socket.finish() else { panic!("it was connected") };
            near(at_once(socket));
        });
    }
}

fn send_all(scene: Scene, writer: &mut TcpWriter<'static, Shared>, mut data: &[u8]) {
    if scene.tasks {
        return block_on(writer.send_all_async(data)).unwrap();
    }
    while !data.is_empty() {
        let sent = park_until(|waker| {
            writer.wake_on(Ready::SEND, waker)?;
            writer.send(data)
        });
        data = &data[sent.unwrap()..];
    }
}

fn flush(scene: Scene, writer: &mut TcpWriter<'static, Shared>) {
    let flushed = match scene.tasks {
        true => block_on(writer.flush_async()),
        false => park_until(|waker| {
            writer.wake_on(Ready::FLUSHED, waker)?;
            writer.flush()
        }),
    };
    flushed.unwrap();
}

fn pour(
    scene: Scene,
    writer: &mut TcpWriter<'static, Shared>,
    seed: u64,
    bytes: usize,
    mut random: Random,
) {
    let mut at = 0;
    while at < bytes {
        let size = (1 + random.below(1_500)).min(bytes - at);
        let data: Vec<u8> = (at..at + size).map(|at| byte(seed, at)).collect();
        send_all(scene, writer, &data);
        at += size;
        random.dawdle();
        if at == bytes || random.below(8) == 0 {
            flush(scene, writer);
        }
    }
}

fn receive(
    scene: Scene,
    reader: &mut TcpReader<'static, Shared>,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    if scene.tasks {
        return block_on(reader.receive_async(buffer));
    }
    park_until(|waker| {
        reader.wake_on(Ready::RECEIVE, waker)?;
        reader.receive(buffer)
    })
}

fn drain(
    scene: Scene,
    reader: &mut TcpReader<'static, Shared>,
    seed: u64,
    bytes: usize,
    mut random: Random,
) {
    let mut at = 0;
    while at < bytes {
        let mut buffer = vec![0; 1 + random.below(900)];
        let received = receive(scene, reader, &mut buffer).unwrap();
        assert!((0..received).all(|i| buffer[i] == byte(seed, at + i)), "not what was sent");
        at += received;
        random.dawdle();
    }
    assert_eq!(at, bytes);
}

/// Both halves of both ends at work at once, as fast as the other side lets them.
fn both_ways(scene: Scene, crew: &mut Crew) {
    const BYTES: usize = 20_000;
    let work = move |who: u64| {
        move |socket: TcpSocket<'static, Connected, Shared>| {
            let (mut reader, mut writer) = socket.split();
            let (ours, theirs) = (scene.seed ^ who, scene.seed ^ (3 - who));
            let random = scene.random(who);
            let writing = thread::spawn(move || {
                pour(scene, &mut writer, ours, BYTES, random);
                writer
            });
            drain(scene, &mut reader, theirs, BYTES, scene.random(4 + who));
            // It sends its FIN, once all is delivered in both directions: smoltcp ignores, after
            // that, what it hears of the window, and asks for it when some time has passed.
            drop(writing.join().unwrap());
            assert_eq!(receive(scene, &mut reader, &mut [0; 1]), Err(Error::PeerClosed));
        }
    };
    scene.connect(crew, work(1), work(2));
}

/// One byte there, one byte back: if one wake-up is lost, no other frame makes up for it.
fn to_and_fro(scene: Scene, crew: &mut Crew) {
    const ROUNDS: u8 = 100;
    let work = move |serves: bool| {
        move |mut socket: TcpSocket<'static, Connected, Shared>| {
            let mut random = scene.random(serves.into());
            for round in 0..ROUNDS {
                let send = |socket: &mut TcpSocket<'static, Connected, Shared>| match scene.tasks {
                    true => block_on(socket.send_async(&[round])).map_err(nb::Error::Other),
                    false => socket.send(&[round]),
                };
                if !serves {
                    assert_eq!(send(&mut socket), Ok(1));
                }
                random.dawdle();
                let mut buffer = [0; 2];
                let received = match scene.tasks {
                    true => block_on(socket.receive_async(&mut buffer)),
                    false => park_until(|waker| {
                        socket.wake_on(Ready::RECEIVE, waker)?;
                        socket.receive(&mut buffer)
                    }),
                };
                assert_eq!((received, buffer[0]), (Ok(1), round));
                if serves {
                    assert_eq!(send(&mut socket), Ok(1));
                }
            }
            let mut socket = socket.close();
            park_until(|waker| {
                socket.wake_on(Ready::ENDED, waker)?;
                socket.poll()
            })
            .unwrap();
        }
    };
    scene.connect(crew, work(false), work(true));
}

/// Datagrams to and fro.
fn datagrams(scene: Scene, crew: &mut Crew) {
    const ROUNDS: u8 = 100;
    let mut server = scene.far.udp().unwrap().bind(scene.port).unwrap();
    let mut client = scene.near.udp().unwrap().connect(scene.server()).unwrap();
    crew.add("datagram server", move || {
        let mut buffer = [0; 16];
        for _ in 0..ROUNDS {
            let (n, from) = park_until(|waker| {
                server.wake_on(Ready::RECEIVE, waker)?;
                server.receive_from(&mut buffer)
            })
            .unwrap();
            server.send_to(&buffer[..n], from).unwrap();
        }
        park_until(|waker| {
            server.wake_on(Ready::FLUSHED, waker)?;
            server.flush()
        })
        .unwrap();
    });
    crew.add("datagram client", move || {
        let mut random = scene.random(1);
        for round in 0..ROUNDS {
            let mut buffer = [0; 2];
            let received = if scene.tasks {
                block_on(client.send_async(&[round])).unwrap();
                random.dawdle();
                block_on(client.receive_async(&mut buffer))
            } else {
                client.send(&[round]).unwrap();
                random.dawdle();
                park_until(|waker| {
                    client.wake_on(Ready::RECEIVE, waker)?;
                    client.receive(&mut buffer)
                })
            };
            assert_eq!((received, buffer[0]), (Ok(1), round));
        }
    });
}

/// Runs a stack until told to stop, asleep without limit in between.
fn run(end: &'static End, stop: Arc<AtomicBool>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let mut sleeps = 0;
        let waker = Waker::from(Arc::clone(&end.alarm));
        end.stack
            .run(&waker, |delay| {
                sleeps += 1;
                // Time limits do not end, but there may be work at once.
                if delay != Some(sockstate::Duration::ZERO) {
                    end.alarm.sleep();
                }
                match stop.load(Ordering::Acquire) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
            .unwrap();
        sleeps
    })
}

/// As `run`, as a task.
fn run_as_task(end: &'static End, stop: Arc<AtomicBool>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let mut sleeps = 0;
        let waker = Waker::from(Arc::clone(&end.alarm));
        let sleep = async |_| {
            let mut slept = false;
            poll_fn(|_| if replace(&mut slept, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        };
        let mut task = pin!(end.stack.run_async(sleep));
        while !stop.load(Ordering::Acquire) {
            assert!(task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            sleeps += 1;
            end.alarm.sleep();
        }
        sleeps
    })
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |given| given.parse().expect("a number"))
}

#[test]
fn nobody_sleeps_who_has_something_to_do() {
    static PORT: AtomicUsize = AtomicUsize::new(0);
    let end = time::Instant::now() + time::Duration::from_secs(setting("SOCKSTATE_SECONDS", 1));
    let mut seed = setting("SOCKSTATE_SEED", 1);
    // They live for ever, as does a thread that is not woken.
    let [near, far] = ends([HEAP, FAR_HEAP], seed).map(|end| &*Box::leak(Box::new(end)));
    let stop = Arc::<AtomicBool>::default();
    let runners = [run(near, Arc::clone(&stop)), run_as_task(far, Arc::clone(&stop))];
    let first = seed;
    while seed == first || time::Instant::now() < end {
        let (done, all_done) = mpsc::channel();
        let mut crew = Crew { threads: Vec::new(), done };
        let mut random = Random(seed);
        // One alone most of the time: others would make up for what it misses.
        for _ in 0..1 + random.below(4).saturating_sub(1) {
            let port = 1_024 + (PORT.fetch_add(1, Ordering::Relaxed) % 40_000) as u16;
            let (seed, tasks) = (random.next(), random.below(2) == 0);
            let scene = Scene { near: &near.stack, far: &far.stack, port, seed, tasks };
            match random.below(3) {
                0 => both_ways(scene, &mut crew),
                1 => to_and_fro(scene, &mut crew),
                _ => datagrams(scene, &mut crew),
            }
        }
        // Somebody who polls both stacks at any moment.
        if random.below(3) == 0 {
            let scene = Scene { near: &near.stack, far: &far.stack, port: 0, seed, tasks: false };
            crew.add("who polls", move || {
                let mut random = scene.random(9);
                for _ in 0..200 {
                    scene.near.poll().unwrap();
                    random.dawdle();
                    scene.far.poll().unwrap();
                }
            });
        }
        drop(crew.done);
        match all_done.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {}
            _ => {
                let asleep = crew.threads.iter().filter(|thread| !thread.is_finished());
                let names: Vec<_> = asleep.filter_map(|thread| thread.thread().name()).collect();
                panic!("SOCKSTATE_SEED={seed}: asleep for good: {names:?}");
            }
        }
        for thread in crew.threads {
            thread.join().unwrap_or_else(|_| panic!("SOCKSTATE_SEED={seed}"));
        }
        seed += 1;
    }
    stop.store(true, Ordering::Release);
    near.alarm.ring();
    far.alarm.ring();
    let sleeps = runners.map(|runner| runner.join().unwrap());
    println!("{} scenarios; the runners slept {sleeps:?} times", seed - first);
}
