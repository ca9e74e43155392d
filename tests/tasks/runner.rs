//! The task that runs a stack.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sockstate::device::{Cable, Plug};
use sockstate::testing::{Lab, LabStack, VirtualClock};
use sockstate::{Config, Duration, Error, Stack};

use super::common::drive::Bell;
use super::common::{far, pattern, slots};

/// Two stacks that nobody polls but their runners.
struct Pair {
    clock: VirtualClock,
    cable: Cable,
    near: LabStack,
    far: LabStack,
}

impl Pair {
    fn new() -> Self {
        let (clock, cable) = (VirtualClock::new(), Cable::ethernet());
        let (near, far) = cable.plugs();
        let stack = |plug: Plug, host: u8| {
            let config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
            let stack = Stack::new(slots(4, 4), plug, clock.clone(), config).unwrap();
            stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
            stack
        };
        let (near, far) = (stack(near, 1), stack(far, 2));
        Pair { clock, cable, near, far }
    }
}

/// A timer of one task: it tells when it is to ring, and the test lets it.
#[derive(Default)]
struct Alarm(Cell<Option<Duration>>);

impl embedded_hal_async::delay::DelayNs for &Alarm {
    async fn delay_ns(&mut self, ns: u32) {
        self.delay_us(ns.div_ceil(1_000)).await;
    }

    async fn delay_us(&mut self, us: u32) {
        self.0.set(Some(Duration::from_micros(us.into())));
        let mut first = true;
        core::future::poll_fn(|_| {
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.0.set(None);
    }
}

#[test]
fn tasks_and_runners_alone_carry_a_stream() {
    let pair = Pair::new();
    let data = pattern(50_000);
    let client = async {
        let mut socket = pair.near.tcp()?.connect(far(80))?.await?;
        socket.send_all_async(&data).await?;
        socket.close().await?;
        Ok::<(), Error>(())
    };
    let received = RefCell::new(Vec::new());
    let server = async {
        let mut listener = pair.far.tcp()?.bind(80)?.listen(1)?;
        let (mut socket, _) = listener.accept_async().await;
        let mut buffer = [0; 500];
        loop {
            match socket.receive_async(&mut buffer).await {
                Ok(size) => received.borrow_mut().extend_from_slice(&buffer[..size]),
                Err(end) => return Ok::<Error, Error>(end),
            }
        }
    };
    let (near_alarm, far_alarm) = (Alarm::default(), Alarm::default());
    let mut near_runs = pin!(pair.near.run_with(&near_alarm));
    let mut far_runs = pin!(pair.far.run_with(&far_alarm));
    let (mut client, mut server) = (pin!(client), pin!(server));
    let bells = [0; 4].map(|_| Bell::new());
    let (mut sent, mut end) = (None, None);
    // All are polled once; after that, only who was woken, or whose alarm rings.
    let mut woken = [true; 4];
    let (mut polls, mut alarms) = ([0; 4], 0);
    while sent.is_none() || end.is_none() {
        if woken == [false; 4] {
            let next = [&near_alarm, &far_alarm].map(|alarm| alarm.0.get());
            let first = next.into_iter().flatten().min().expect("somebody waits for a time");
            pair.clock.advance(first);
            for (alarm, (woken, next)) in
                [&near_alarm, &far_alarm].into_iter().zip(woken[..2].iter_mut().zip(next))
            {
                let left = next.map(|next| next - first.min(next));
                alarm.0.set(left);
                *woken = left == Some(Duration::ZERO);
            }
            alarms += 1;
        }
        for (task, (_, waker)) in bells.iter().enumerate() {
            if !std::mem::take(&mut woken[task]) {
                continue;
            }
            polls[task] += 1;
            let mut cx = Context::from_waker(waker);
            match task {
                0 => assert!(near_runs.as_mut().poll(&mut cx).is_pending()),
                1 => assert!(far_runs.as_mut().poll(&mut cx).is_pending()),
                2 if sent.is_none() => {
                    if let Poll::Ready(result) = client.as_mut().poll(&mut cx) {
                        sent = Some(result);
                    }
                }
                3 if end.is_none() => {
                    if let Poll::Ready(result) = server.as_mut().poll(&mut cx) {
                        end = Some(result);
                    }
                }
                _ => {}
            }
        }
        for (woken, (bell, _)) in woken.iter_mut().zip(&bells) {
            *woken |= bell.rang() > 0;
        }
        assert!(alarms < 1_000, "polls {polls:?}");
    }
    assert_eq!((sent, end), (Some(Ok(())), Some(Ok(Error::PeerClosed))));
    assert!(*received.borrow() == data);
    // 35 segments of data, and as many acknowledgements at most: nobody spins.
    let total: usize = polls.iter().sum();
    assert!(total < 400, "{polls:?}");
}

#[test]
fn an_idle_runner_sleeps() {
    let pair = Pair::new();
    let asked = Cell::new(0);
    let mut runs = pin!(pair.near.run_async(async |delay| {
        asked.set(asked.get() + 1);
        assert_eq!(delay, None);
        core::future::pending().await
    }));
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    assert!(runs.as_mut().poll(&mut cx).is_pending());
    // Polled in vain, as a part of a larger task is, it does not poll the stack either.
    for _ in 0..10 {
        assert!(runs.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!((asked.get(), bell.rang()), (1, 0));
    // A socket that has nothing to send wakes nobody.
    let mut socket = pair.near.udp().unwrap().bind(7).unwrap();
    assert_eq!(bell.rang(), 0);
    // One that has does, once.
    socket.send_to(b"hello", far(7)).unwrap();
    socket.send_to(b"hello", far(7)).unwrap();
    assert_eq!(bell.rang(), 1);
}

#[test]
fn a_runner_that_is_dropped_makes_room_for_another() {
    let pair = Pair::new();
    let (first, early) = Bell::new();
    for polls in 0..3 {
        let mut runs = pin!(pair.near.run_async(async |_| core::future::pending().await));
        for _ in 0..polls {
            assert!(runs.as_mut().poll(&mut Context::from_waker(&early)).is_pending());
        }
    }
    // Nobody is called in the place of one that is gone.
    let mut socket = pair.near.udp().unwrap().bind(7).unwrap();
    assert_eq!(Arc::strong_count(&first), 2);
    let mut runs = pin!(pair.near.run_async(async |_| core::future::pending().await));
    let (second, late) = Bell::new();
    assert!(runs.as_mut().poll(&mut Context::from_waker(&late)).is_pending());
    socket.send_to(b"hello", far(7)).unwrap();
    assert_eq!((first.rang(), second.rang()), (0, 1));
    // What was to be sent while nobody ran the stack is sent by the next one.
    let mut plug = pair.cable.plugs().1;
    assert!(runs.as_mut().poll(&mut Context::from_waker(&late)).is_pending());
    assert!(plug.take(pair.clock.time()).is_some(), "it asks for the neighbour");
}

#[test]
fn a_runner_that_begins_before_the_last_one_ends_stays() {
    let pair = Pair::new();
    let mut socket = pair.near.udp().unwrap().bind(7).unwrap();
    let ((first, early), (second, late)) = (Bell::new(), Bell::new());
    let run = || Box::pin(pair.near.run_async(async |_| core::future::pending().await));
    let (mut old, mut new) = (run(), run());
    assert!(old.as_mut().poll(&mut Context::from_waker(&early)).is_pending());
    assert!(new.as_mut().poll(&mut Context::from_waker(&late)).is_pending());
    drop(old);
    socket.send_to(b"hello", far(7)).unwrap();
    assert_eq!((first.rang(), second.rang()), (0, 1));
}

#[test]
fn a_runner_lets_others_have_their_turn() {
    // More frames than one poll takes in.
    let pair = Pair::new();
    let mut plug = pair.cable.plugs().1;
    for _ in 0..100 {
        plug.inject(pair.clock.time(), &[0xff; 60]);
    }
    let mut runs = pin!(pair.near.run_async(async |_| core::future::pending().await));
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    assert!(runs.as_mut().poll(&mut cx).is_pending());
    assert_eq!(bell.rang(), 1);
    assert!(runs.as_mut().poll(&mut cx).is_pending());
    assert_eq!(bell.rang(), 0);
}

#[test]
fn a_runner_within_a_closure_of_the_stack_says_so() {
    let pair = Pair::new();
    let mut socket = pair.near.udp().unwrap().connect(far(7)).unwrap();
    let (_, waker) = Bell::new();
    socket
        .send_with(8, |_| {
            let mut runs = pin!(pair.near.run_async(async |_| core::future::pending().await));
            match runs.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(Err(error)) => assert_eq!(error, Error::Reentrant),
                Poll::Ready(Ok(never)) => match never {},
                Poll::Pending => panic!("it waits within the closure"),
            }
            0
        })
        .unwrap();
}

/// Timers of embedded-hal know 71 minutes at most.
#[test]
fn a_sleep_of_hours_is_many_short_ones() {
    struct Timer<'lab>(&'lab Lab, u32);
    impl embedded_hal_async::delay::DelayNs for Timer<'_> {
        async fn delay_ns(&mut self, ns: u32) {
            self.delay_us(ns.div_ceil(1_000)).await;
        }

        async fn delay_us(&mut self, us: u32) {
            self.1 += 1;
            assert!(self.1 < 100, "it sleeps and sleeps");
            self.0.clock.advance(Duration::from_micros(us.into()));
        }
    }

    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_secs(1));
    let hours = Duration::from_secs(3 * 3_600);
    socket.set_keep_alive(Some(hours)).unwrap();
    let mut runs = pin!(lab.near.run_with(Timer(&lab, 0)));
    let (_, waker) = Bell::new();
    let start = lab.clock.time();
    for _ in 0..9 {
        assert!(runs.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        while lab.far.poll().unwrap() {}
        if lab.clock.time() - start >= hours {
            break;
        }
    }
    let slept = lab.clock.time() - start;
    assert!(slept >= hours && slept <= hours + Duration::from_secs(60), "{slept}");
}

/// With nothing to send now, there may be something to do later: here, to ask for the window.
#[test]
fn a_runner_is_told_when_to_look_again() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    assert_eq!(socket.send(&[0; 4_096]), Ok(4_096));
    lab.run_for(Duration::from_secs(1));
    let asked = RefCell::new(Vec::new());
    let mut runs = pin!(lab.near.run_async(async |delay| {
        asked.borrow_mut().push(delay);
        core::future::pending().await
    }));
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    assert!(runs.as_mut().poll(&mut cx).is_pending());
    let (_, task) = Bell::new();
    {
        let mut sent = pin!(socket.send_async(b"x"));
        assert_eq!(sent.as_mut().poll(&mut Context::from_waker(&task)), Poll::Ready(Ok(1)));
    }
    assert_eq!(bell.rang(), 1);
    for _ in 0..20 {
        assert!(runs.as_mut().poll(&mut cx).is_pending());
        if bell.rang() == 0 {
            break;
        }
    }
    assert!(matches!(asked.borrow()[..], [.., Some(_)]), "{asked:?}");
}
