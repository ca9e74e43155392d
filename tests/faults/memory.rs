//! Memory that is not enough: each step of the scenario does what it can with what there is, or
//! says what is missing, and gives everything back. (All ports taken: `tests/defects/ports.rs`.)

use sockstate::{Error, Heap, Instant, Protocol};

use super::common::failed;
use super::pair::{HEAP, Pair};
use super::scene::Scene;
use super::sweep::{case, play_and_judge};

fn pair(heap: Heap) -> Pair {
    Pair::with(heap, Instant::from_secs(1_000), |_| {})
}

/// How a step must end with so many slots.
fn expected(step: &str, tcp: usize, udp: usize, icmp: usize) -> Result<(), Error> {
    let without = |protocol| Err(Error::OutOfSlots(protocol));
    match step {
        "echo by name" | "use a client" if tcp == 0 => without(Protocol::Tcp),
        "look up" | "echo by name" | "exchange datagrams" if udp == 0 => without(Protocol::Udp),
        "accept three" if tcp < 2 => without(Protocol::Tcp),
        // The last slot stays with the listener, and what is in it waits to be accepted.
        "accept three" if tcp < 4 => Err(Error::TimedOut),
        "ping" if icmp == 0 => without(Protocol::Icmp),
        _ => Ok(()),
    }
}

#[test]
fn too_few_slots() {
    for (tcp, udp, icmp) in
        (0..6).flat_map(|tcp| (0..3).map(move |udp| (tcp, udp, (tcp + udp) % 2)))
    {
        case(format!("{tcp} TCP, {udp} UDP and {icmp} ICMP slots"), || {
            let pair = pair(Heap { tcp, udp, icmp, ..HEAP });
            for _ in 0..2 {
                play_and_judge(Scene::new(&pair), |step, result| {
                    assert_eq!(result, expected(step, tcp, udp, icmp), "{step}");
                });
            }
        });
    }
}

/// What does not fit can be had once there is room, and not before.
#[test]
fn a_slot_that_is_given_back_is_had_again() {
    for slots in 1..5 {
        let pair = pair(Heap { tcp: slots, udp: slots, icmp: slots, ..HEAP });
        let net = pair.near.stack.net();
        let mut tcp: Vec<_> = (0..slots).map(|_| net.tcp().unwrap()).collect();
        let mut udp: Vec<_> = (0..slots).map(|_| net.udp().unwrap()).collect();
        let mut icmp: Vec<_> = (0..slots).map(|_| net.icmp().unwrap()).collect();
        for place in 0..slots {
            assert_eq!(net.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
            assert_eq!(net.udp().unwrap_err(), Error::OutOfSlots(Protocol::Udp));
            assert_eq!(net.icmp().unwrap_err(), Error::OutOfSlots(Protocol::Icmp));
            drop((tcp.remove(place), udp.remove(place), icmp.remove(place)));
            tcp.insert(place, net.tcp().unwrap());
            udp.insert(place, net.udp().unwrap());
            icmp.insert(place, net.icmp().unwrap());
        }
    }
}

/// Streams flow through buffers of any size.
#[test]
fn tiny_buffers_of_connections() {
    for (tcp_rx, tcp_tx) in
        [1, 2, 3, 7, 64].into_iter().flat_map(|rx| [1, 2, 3, 7, 64].map(|tx| (rx, tx)))
    {
        case(format!("{tcp_rx} bytes to receive and {tcp_tx} to send"), || {
            let pair = pair(Heap { tcp_rx, tcp_tx, ..HEAP });
            let mut scene = Scene::new(&pair);
            scene.bytes = 41;
            play_and_judge(scene, |step, result| assert_eq!(result, Ok(()), "{step}"));
        });
    }
}

/// A datagram that does not fit is too large, with what would fit; one that does comes through.
#[test]
fn tiny_buffers_of_datagrams() {
    for (udp_buf, udp_packets) in [1, 2, 3, 31, 100, 699, 700]
        .into_iter()
        .flat_map(|size| [1, 2].map(|packets| (size, packets)))
    {
        case(format!("{udp_buf} bytes for {udp_packets} datagrams"), || {
            let pair = pair(Heap { udp_buf, udp_packets, icmp_packets: 1, ..HEAP });
            play_and_judge(Scene::new(&pair), |step, result| match step {
                // A question has 27 bytes, its answer 45.
                "look up" | "echo by name" if udp_buf < 27 => {
                    assert_eq!(result, Err(Error::DatagramTooLarge(udp_buf as u16)), "{step}");
                }
                "look up" | "echo by name" if udp_buf < 50 => {
                    assert_eq!(result, Err(Error::TimedOut), "{step}");
                }
                "exchange datagrams" if udp_buf < 700 => {
                    assert_eq!(result, Err(Error::DatagramTooLarge(udp_buf as u16)), "{step}");
                }
                _ => assert_eq!(result, Ok(()), "{step}"),
            });
        });
    }
}

#[test]
fn a_backlog_that_does_not_fit_takes_nothing() {
    for slots in 1..6 {
        let pair = pair(Heap { tcp: slots, ..HEAP });
        let bound = pair.near.stack.tcp().unwrap().bind(80).unwrap();
        let (bound, error) = failed(bound.listen(slots as u16 + 1));
        assert_eq!(error, Error::OutOfSlots(Protocol::Tcp));
        assert_eq!(pair.near.free()[0], slots - 1);
        drop(bound.listen(slots as u16).unwrap());
        assert_eq!(pair.near.free()[0], slots);
    }
}
