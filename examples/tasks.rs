//! Tasks in one thread: two stacks on a cable, each run by a task; a server; and clients that ask it
//! at the same time. The executor is a list of futures and a thread that parks, so that nothing but
//! the standard library is needed; any other executor does as well.
//!
//! ```sh
//! cargo run --example tasks
//! ```

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use embedded_hal_async::delay::DelayNs;
use sockstate::device::{Plug, StdClock};
use sockstate::{Config, Error as NetError, Heap, Net, Stack};

const SERVER: &str = "192.168.69.2:7";
const CLIENTS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let (near, far) = Plug::pair();
    let stack = |plug, host: u8| {
        // The seed comes from a random number generator on a device.
        let config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
        let stack = Stack::new(Heap::default(), plug, StdClock::new(), config)?;
        stack.add_address(format!("192.168.69.{host}/24").parse().unwrap())?;
        Ok::<_, NetError>(stack)
    };
    let (near, far) = (stack(near, 1)?, stack(far, 2)?);

    let mut executor = Executor::default();
    for (what, stack) in [("runs the near stack", &near), ("runs the far stack", &far)] {
        executor.spawn(what, async move {
            let Err(error) = stack.run_with(Timer).await;
            panic!("{error}");
        });
    }
    executor.spawn("serves", async { serve(&far).await.expect("the server goes on") });
    let left = Rc::new(Cell::new(CLIENTS));
    for number in 1..=CLIENTS {
        let (near, left) = (&near, left.clone());
        executor.spawn("asks", async move {
            match ask(near, number).await {
                Ok(answer) => println!("client {number}: {answer}"),
                Err(error) => println!("client {number}: {error}"),
            }
            left.set(left.get() - 1);
        });
    }
    executor.run_until(|| left.get() == 0);
    Ok(())
}

/// Answers one client after the other.
async fn serve(net: &Net) -> Result<(), NetError> {
    let mut listener = net.tcp()?.bind(7)?.listen(2)?;
    loop {
        let (mut client, remote) = listener.accept_async().await;
        println!("server: {remote} is here");
        let mut buffer = [0; 64];
        while let Ok(size) = client.receive_async(&mut buffer).await {
            client.send_all_async(&buffer[..size]).await?;
        }
    }
}

async fn ask(net: &Net, number: usize) -> Result<String, NetError> {
    let mut socket = net.tcp()?.connect(SERVER.parse().unwrap())?.await?;
    socket.send_all_async(format!("question {number}").as_bytes()).await?;
    let mut buffer = [0; 64];
    let size = socket.receive_async(&mut buffer).await?;
    socket.close().await?;
    Ok(format!("{:?} came back", String::from_utf8_lossy(&buffer[..size])))
}

/// Futures in a list, each polled when it was woken.
#[derive(Default)]
struct Executor<'t>(Vec<Task<'t>>);

struct Task<'t> {
    what: &'static str,
    future: Option<Pin<Box<dyn Future<Output = ()> + 't>>>,
    bell: Arc<Bell>,
    polls: u32,
}

struct Bell {
    rings: AtomicBool,
    thread: Thread,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rings.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

thread_local! {
    /// The next time that a task waits for.
    static ALARM: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl<'t> Executor<'t> {
    fn spawn(&mut self, what: &'static str, future: impl Future<Output = ()> + 't) {
        let bell = Arc::new(Bell { rings: AtomicBool::new(true), thread: thread::current() });
        self.0.push(Task { what, future: Some(Box::pin(future)), bell, polls: 0 });
    }

    fn run_until(mut self, over: impl Fn() -> bool) {
        while !over() {
            // A time that is over is everybody's: whoever waits for a later one says so again.
            let rings = ALARM.get().is_some_and(|at| at <= Instant::now());
            if rings {
                ALARM.set(None);
            }
            let mut polled = false;
            for task in &mut self.0 {
                let Some(future) = &mut task.future else { continue };
                if task.bell.rings.swap(false, Ordering::AcqRel) || rings {
                    (polled, task.polls) = (true, task.polls + 1);
                    let waker = Waker::from(task.bell.clone());
                    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                        task.future = None;
                    }
                }
            }
            match ALARM.get() {
                _ if polled => {}
                Some(at) => thread::park_timeout(at - Instant::now()),
                None => thread::park(),
            }
        }
        for task in self.0 {
            println!("the task that {}: {} polls", task.what, task.polls);
        }
    }
}

/// A timer of this executor.
struct Timer;

impl DelayNs for Timer {
    async fn delay_ns(&mut self, ns: u32) {
        wait_until(Instant::now() + Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        wait_until(Instant::now() + Duration::from_micros(us.into())).await;
    }
}

async fn wait_until(end: Instant) {
    std::future::poll_fn(|_| {
        if Instant::now() >= end {
            return Poll::Ready(());
        }
        ALARM.set(Some(ALARM.get().map_or(end, |at| at.min(end))));
        Poll::Pending
    })
    .await;
}
