//! The same tasks on three executors.

use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use embassy_executor::Spawner;
use embedded_hal_async::delay::DelayNs;
use sockstate::device::AsyncDevice;
use sockstate::state::Listening;
use sockstate::{Shared, TcpSocket};
use sockstate_executors::{Polls, SharedStack, ask, listen, serve, stacks};

/// How long an executor may take, before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The timer of tokio.
struct Tokio;

impl DelayNs for Tokio {
    async fn delay_ns(&mut self, ns: u32) {
        tokio::time::sleep(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        tokio::time::sleep(Duration::from_micros(us.into())).await;
    }
}

/// The timer of async-io, which knows no executor.
struct AsyncIo;

impl DelayNs for AsyncIo {
    async fn delay_ns(&mut self, ns: u32) {
        async_io::Timer::after(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        async_io::Timer::after(Duration::from_micros(us.into())).await;
    }
}

/// Tasks in several threads, each in one of them at a time.
#[test]
fn tokio_with_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let (near, far) = stacks();
    let polls = Polls::default();
    runtime.spawn(polls.count(near.run_with(Tokio)));
    runtime.spawn(polls.count(far.run_with(Tokio)));
    exchange_on(&runtime, &polls, near, far);
}

/// As above, with a closure for the sleep.
#[test]
fn tokio_with_a_closure() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let (near, far) = stacks();
    let polls = Polls::default();
    for stack in [near, far] {
        runtime.spawn(polls.count(stack.run_async(async move |delay: Option<_>| {
            let frame = std::future::poll_fn(|cx| {
                stack.with_device(|device| device.poll_frame(cx)).unwrap_or(Poll::Pending)
            });
            let limit = delay.map_or(PATIENCE, Duration::from);
            let _ = tokio::time::timeout(limit, frame).await;
        })));
    }
    exchange_on(&runtime, &polls, near, far);
}

/// What runs the stacks is spawned already.
fn exchange_on(
    runtime: &tokio::runtime::Runtime,
    polls: &Polls,
    near: &'static SharedStack,
    far: &'static SharedStack,
) {
    runtime.spawn(polls.count(serve(listen(far.net()))));
    let asked = polls.count(ask(near.net()));
    let same = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
    assert_eq!(same.expect("within its time"), Ok(true));
    polls.assert_few();
}

/// One thread, and one task of all.
#[test]
fn block_on() {
    let (near, far) = stacks();
    let polls = Polls::default();
    let run = futures_lite::future::or(near.run_with(AsyncIo), far.run_with(AsyncIo));
    let work = async {
        let (same, served) =
            futures_lite::future::zip(ask(near.net()), serve(listen(far.net()))).await;
        served.unwrap();
        same
    };
    let all = futures_lite::future::or(work, async { Err(run.await.unwrap_err()) });
    let late = async {
        async_io::Timer::after(PATIENCE).await;
        panic!("not done within its time");
    };
    let same = futures_lite::future::block_on(futures_lite::future::or(polls.count(all), late));
    assert_eq!(same, Ok(true));
    polls.assert_few();
}

#[embassy_executor::task(pool_size = 2)]
async fn run(stack: &'static SharedStack, polls: Polls) {
    let never = polls.count(stack.run_with(embassy_time::Delay)).await;
    panic!("{never:?}");
}

#[embassy_executor::task]
async fn server(listener: TcpSocket<'static, Listening, Shared>, polls: Polls) {
    polls.count(serve(listener)).await.unwrap();
}

#[embassy_executor::task]
async fn client(stack: &'static SharedStack, polls: Polls, done: mpsc::Sender<bool>) {
    let same = polls.count(ask(stack.net())).await.unwrap();
    done.send(same).unwrap();
}

/// Static tasks in one thread, as on a device.
#[test]
fn embassy() {
    let (near, far) = stacks();
    let polls = Polls::default();
    let (done, same) = mpsc::channel();
    let counted = polls.clone();
    // It never returns.
    std::thread::spawn(move || {
        let executor = Box::leak(Box::new(embassy_executor::Executor::new()));
        executor.run(|spawner: Spawner| {
            spawner.spawn(run(near, counted.clone()).unwrap());
            spawner.spawn(run(far, counted.clone()).unwrap());
            spawner.spawn(server(listen(far.net()), counted.clone()).unwrap());
            spawner.spawn(client(near, counted, done).unwrap());
        });
    });
    assert_eq!(same.recv_timeout(PATIENCE), Ok(true));
    polls.assert_few();
}
