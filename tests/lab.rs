//! The test kit: its time, its tasks and its patience.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use embedded_hal_async::delay::DelayNs;
use sockstate::device::Faults;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, nb};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn tasks_sleep_for_as_long_as_they_say() {
    let lab = Lab::new(1);
    let start = lab.clock.time();
    lab.block_on(async {
        let (mut short, mut long) = (pin!(lab.sleep(MILLISECOND * 10)), pin!(lab.sleep(HOUR)));
        let mut woke = Vec::new();
        poll_fn(|cx| {
            if woke.is_empty() && short.as_mut().poll(cx).is_ready() {
                woke.push(lab.clock.time() - start);
            }
            let done = long.as_mut().poll(cx);
            if done.is_ready() {
                woke.push(lab.clock.time() - start);
            }
            done
        })
        .await;
        assert_eq!(woke, [MILLISECOND * 10, HOUR]);
    });
}

#[test]
fn a_timer_sleeps_no_shorter_than_it_is_told() {
    let lab = Lab::new(1);
    lab.run_for(Duration::from_secs(1));
    for (ns, micros) in [(1, 1), (1_000, 1), (1_001, 2), (3_000_000, 3_000)] {
        let start = lab.clock.time();
        lab.block_on(lab.timer().delay_ns(ns));
        assert_eq!((lab.clock.time() - start).total_micros(), micros);
    }
}

/// So that a wake that is missing is found: nothing else gets the task on.
#[test]
fn a_task_that_nobody_wakes_is_polled_once_and_given_up() {
    let lab = Lab::new(1);
    let polls = Cell::new(0);
    let waits = poll_fn(|_| {
        polls.set(polls.get() + 1);
        // The rest of the day is no whole number of hours.
        lab.clock.advance(MILLISECOND);
        Poll::<()>::Pending
    });
    assert!(catch_unwind(AssertUnwindSafe(|| lab.block_on(waits))).is_err());
    assert_eq!(polls.get(), 1);
}

#[test]
fn time_passes_for_a_task_that_gives_no_rest() {
    let lab = Lab::new(1);
    let start = lab.clock.time();
    lab.block_on(poll_fn(|cx| {
        if lab.clock.time() > start {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
}

#[test]
fn waits_of_most_of_a_day_end() {
    let lab = Lab::new(1);
    lab.block_on(lab.sleep(HOUR * 23));
    let end = lab.clock.time() + HOUR * 23;
    let late = || if lab.clock.time() < end { Err(nb::Error::WouldBlock) } else { Ok(()) };
    assert_eq!(lab.block(late), Ok::<(), Error>(()));
}

#[test]
#[should_panic(expected = "blocking for a day")]
fn a_call_that_blocks_for_ever_is_a_panic() {
    let lab = Lab::new(1);
    let start = lab.clock.time();
    let _ = lab.block(|| {
        if lab.clock.time() == start {
            lab.clock.advance(MILLISECOND);
        }
        Err::<(), _>(nb::Error::<Error>::WouldBlock)
    });
}

/// Also what takes several rounds: here an address is asked for, told, and used.
#[test]
fn what_is_due_at_the_end_of_a_run_is_done() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().bind(7).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    lab.run_for(Duration::from_secs(1));
    far.send_to(b"hello", "192.168.69.1:7".parse().unwrap()).unwrap();
    lab.run_for(Duration::ZERO);
    assert_eq!(near.next_len(), Ok(Some(5)));
    assert_eq!(near.receive_from(&mut [0; 8]).map(|(size, _)| size), Ok(5));
}

/// Time passes although there is something to send, which the cable has no room for.
#[test]
fn a_full_cable_stops_no_clock() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().connect("192.168.69.2:7".parse().unwrap()).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    // The addresses are known, and all is quiet.
    near.send(b"first").unwrap();
    lab.run_for(Duration::from_secs(1));
    let _ = lab.cable.clone().with_capacity(1);
    lab.cable.set_faults(Faults { delay: MILLISECOND * 20, ..Faults::default() });
    for _ in 0..3 {
        near.send(b"hello").unwrap();
    }
    lab.run_for(Duration::from_secs(1));
    for _ in 0..4 {
        assert_eq!(far.receive_from(&mut [0; 8]).map(|(size, _)| size), Ok(5));
    }
}

#[test]
fn each_of_two_labs_runs_while_a_call_waits_in_it() {
    let labs = [1, 2].map(Lab::new);
    for lab in &labs {
        let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let remote = "192.168.69.2:80".parse().unwrap();
        assert!(lab.near.tcp().unwrap().connect(remote).unwrap().wait().is_ok());
    }
}

#[test]
fn the_stacks_of_a_lab_are_not_alike() {
    let remote = "192.168.69.77:7".parse().unwrap();
    for seed in [0, 1, u64::MAX] {
        let lab = Lab::new(seed);
        let ports = [&lab.near, &lab.far].map(|stack| {
            let sockets = [(); 4].map(|()| stack.udp().unwrap().connect(remote).unwrap());
            sockets.map(|socket| socket.local_endpoint().unwrap().port)
        });
        assert_ne!(ports[0], ports[1], "seed {seed}");
    }
}
