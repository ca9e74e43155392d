//! How random ephemeral ports and initial sequence numbers are: RFC 6056 and RFC 6528 want that
//! nobody can guess them. Every seed is fixed, so that a test that passes once passes always.

use std::collections::BTreeSet;

use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Ipv4Address, Ipv4Packet, TcpPacket,
};
use sockstate::testing::{LabStack, VirtualClock};
use sockstate::{Config, Heap, IpCidr, Stack};

const CONNECTS: usize = 10_000;
const SEED: u64 = 0x5eed;

const STACK: Ipv4Address = Ipv4Address::new(192, 168, 69, 1);
const PEER: Ipv4Address = Ipv4Address::new(192, 168, 69, 2);
const STACK_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// RFC 6335 section 6.
const FIRST_PORT: u16 = 49_152;

/// With a good source, a test of these would fail for one seed in a million.
const Z: f64 = 4.753_424;

/// What a stack chose for a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    port: u16,
    isn: u32,
}

/// A stack that knows the hardware address of its peer, and the other end of its cable.
fn stack(seed: u64) -> (LabStack, Plug, VirtualClock) {
    let clock = VirtualClock::new();
    let (near, mut far) = Cable::ethernet().plugs();
    let heap = Heap { tcp: 1, udp: 0, tcp_rx: 64, tcp_tx: 64, ..Heap::default() };
    let config = Config::ethernet(STACK_MAC, seed);
    let stack: LabStack = Stack::new(heap, near, clock.clone(), config).unwrap();
    stack.add_address(IpCidr::new(STACK.into(), 24)).unwrap();

    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: EthernetAddress(PEER_MAC),
        source_protocol_addr: PEER,
        target_hardware_addr: EthernetAddress(STACK_MAC),
        target_protocol_addr: STACK,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(PEER_MAC),
        dst_addr: EthernetAddress(STACK_MAC),
        ethertype: EthernetProtocol::Arp,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    ethernet.emit(&mut frame);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    far.inject(clock.time(), &bytes);
    while stack.poll().unwrap() {}
    far.take(clock.time()).expect("an answer to the peer's question");
    (stack, far, clock)
}

/// Begins a connection, and sees what its SYN says.
fn connect(stack: &LabStack, far: &mut Plug, clock: &VirtualClock) -> Choice {
    let _connecting = stack.tcp().unwrap().connect((PEER, 80).into()).unwrap();
    while stack.poll().unwrap() {}
    let frame = far.take(clock.time()).expect("a SYN");
    let frame = EthernetFrame::new_checked(&frame[..]).unwrap();
    let packet = Ipv4Packet::new_checked(frame.payload()).unwrap();
    let tcp = TcpPacket::new_checked(packet.payload()).unwrap();
    assert!(tcp.syn() && !tcp.ack());
    Choice { port: tcp.src_port(), isn: tcp.seq_number().0 as u32 }
}

/// One connection after the other, of one stack.
fn of_one_stack(seed: u64, connects: usize) -> Vec<Choice> {
    let (stack, mut far, clock) = stack(seed);
    (0..connects).map(|_| connect(&stack, &mut far, &clock)).collect()
}

/// The first connection of stacks whose seeds differ as little as seeds can.
fn of_many_stacks() -> Vec<Choice> {
    (0..CONNECTS as u64).flat_map(|seed| of_one_stack(seed, 1)).collect()
}

/// The choices as numbers below one: ports, the high and the low half of sequence numbers.
fn parts(choices: &[Choice]) -> [(&'static str, Vec<f64>); 3] {
    let part = |of: fn(&Choice) -> f64| choices.iter().map(of).collect();
    [
        ("ports", part(|choice| f64::from(choice.port - FIRST_PORT) / f64::from(1 << 14))),
        ("high halves", part(|choice| f64::from(choice.isn >> 16) / 65_536.0)),
        ("low halves", part(|choice| f64::from(choice.isn & 0xffff) / 65_536.0)),
    ]
}

/// The sum of chi-square over so many bins that are to be equally full.
fn chi_square(bins: usize, values: impl Iterator<Item = usize>) -> f64 {
    let mut counts = vec![0.0; bins];
    values.for_each(|bin| counts[bin] += 1.0);
    let expected = counts.iter().sum::<f64>() / bins as f64;
    counts.iter().map(|count: &f64| (count - expected).powi(2) / expected).sum()
}

/// What it may be at most, and at least: too even is not random either. Wilson and Hilferty's
/// approximation, good to a percent for as many bins as here.
fn bounds(bins: usize) -> (f64, f64) {
    let freedom = (bins - 1) as f64;
    let at = |z: f64| {
        let deviation = 2.0 / (9.0 * freedom);
        freedom * (1.0 - deviation + z * deviation.sqrt()).powi(3)
    };
    (at(-Z), at(Z))
}

fn assert_random(what: &str, bins: usize, sum: f64) {
    let (least, most) = bounds(bins);
    println!("{what}: chi-square {sum:.0} of {bins} bins, {least:.0} to {most:.0}");
    assert!((least..most).contains(&sum), "{what}: {sum} is not within {least}..{most}");
}

fn bin(value: f64, bins: usize) -> usize {
    (value * bins as f64) as usize
}

/// Each bin is as full as the others, and so is each pair of bins that follow each other.
fn assert_uniform(choices: &[Choice]) {
    const BINS: usize = 256;
    const SIDE: usize = 16;
    for (what, values) in parts(choices) {
        let sum = chi_square(BINS, values.iter().map(|value| bin(*value, BINS)));
        assert_random(what, BINS, sum);
        let pairs = values.windows(2).map(|pair| bin(pair[0], SIDE) * SIDE + bin(pair[1], SIDE));
        assert_random(&format!("pairs of {what}"), SIDE * SIDE, chi_square(SIDE * SIDE, pairs));
    }
}

/// The steps from one to the next are as random as the numbers, and as often up as down.
fn assert_no_order(choices: &[Choice]) {
    const BINS: usize = 256;
    for (what, values) in parts(choices) {
        let steps = values.windows(2).map(|pair| bin((pair[1] - pair[0]).rem_euclid(1.0), BINS));
        assert_random(&format!("steps of {what}"), BINS, chi_square(BINS, steps));

        let ups = values.windows(2).filter(|pair| pair[0] < pair[1]).count() as f64;
        // Ups of a random sequence have this variance, as each number has a part in two steps.
        let (mean, deviation) = (values.len() as f64 / 2.0, (values.len() as f64 / 12.0).sqrt());
        println!("{what}: {ups} ups of {}", values.len());
        assert!((ups - mean).abs() < Z * deviation, "{what}: {ups} ups");
    }
}

#[test]
fn connections_of_one_stack_are_not_to_be_guessed() {
    let choices = of_one_stack(SEED, CONNECTS);
    assert!(choices.iter().all(|choice| choice.port >= FIRST_PORT));
    assert_uniform(&choices);
    assert_no_order(&choices);
    // Of 10,000 numbers of 32 bits two are equal by chance in one run of a hundred, four never.
    let isns: BTreeSet<u32> = choices.iter().map(|choice| choice.isn).collect();
    assert!(isns.len() + 2 >= CONNECTS, "{} different numbers", isns.len());
}

#[test]
fn first_connections_of_stacks_with_adjacent_seeds_are_not_alike() {
    let choices = of_many_stacks();
    assert_uniform(&choices);
    assert_no_order(&choices);
}

#[test]
fn ports_do_not_tell_sequence_numbers() {
    const SIDE: usize = 16;
    for (what, choices) in
        [("one stack", of_one_stack(SEED, CONNECTS)), ("many stacks", of_many_stacks())]
    {
        let [(_, ports), (_, high), (_, low)] = parts(&choices);
        for (part, values) in [("high", high), ("low", low)] {
            let both = ports.iter().zip(&values);
            let pairs = both.map(|(a, b)| bin(*a, SIDE) * SIDE + bin(*b, SIDE));
            let sum = chi_square(SIDE * SIDE, pairs);
            assert_random(&format!("{what}: ports and {part} halves"), SIDE * SIDE, sum);
        }
    }
}

#[test]
fn another_seed_makes_other_choices_and_the_same_the_same() {
    const SOME: usize = 100;
    let first = of_one_stack(SEED, SOME);
    assert_eq!(first, of_one_stack(SEED, SOME));
    for bit in 0..64 {
        let other = of_one_stack(SEED ^ (1 << bit), SOME);
        let equal_isns = first.iter().zip(&other).filter(|(a, b)| a.isn == b.isn).count();
        let equal_ports = first.iter().zip(&other).filter(|(a, b)| a.port == b.port).count();
        // Chance makes one of 160 runs of 100 have an equal port, and none in a million four.
        assert!(equal_isns == 0 && equal_ports < 4, "bit {bit}: {equal_isns}, {equal_ports}");
    }
}

/// The test itself: sources that are not random do not pass.
#[test]
fn sources_that_are_not_random_are_found() {
    let fails = |name: &str, source: &dyn Fn(usize) -> Choice| {
        let choices: Vec<Choice> = (0..CONNECTS).map(source).collect();
        let result = std::panic::catch_unwind(|| {
            assert_uniform(&choices);
            assert_no_order(&choices);
        });
        assert!(result.is_err(), "{name} passes for random");
    };
    let good = of_one_stack(SEED, CONNECTS);
    fails("a counter of ports", &|at| Choice { port: FIRST_PORT + at as u16, ..good[at] });
    fails("a clock", &|at| Choice { isn: (at as u32).wrapping_mul(64_000), ..good[at] });
    fails("a port that is often the same", &|at| match at % 20 {
        0 => Choice { port: 50_000, ..good[at] },
        _ => good[at],
    });
    fails("a number of 31 bits", &|at| Choice { isn: good[at].isn >> 1, ..good[at] });
    fails("a slow walk", &|at| Choice {
        isn: good[at].isn / 256 + ((at as u32) << 18),
        ..good[at]
    });
}
