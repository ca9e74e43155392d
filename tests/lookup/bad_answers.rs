//! Answers that are none: forged, garbled, cut short.

use super::*;
use crate::common::Random;

/// A true answer, and what can be wrong with one.
fn wrong(asked: &Asked) -> Vec<Vec<u8>> {
    let right = reply(asked, 0, &[address("host.test", "10.6.6.6")]);
    let change = |at: usize, by: u8| {
        let mut message = right.clone();
        message[at] ^= by;
        message
    };
    let with_question = |host: &str| {
        let mut message = right[..12].to_vec();
        message.extend(name(host));
        message.extend(&right[asked.message.len() - 4..]);
        message
    };
    let name_at = 13;
    let kind_at = asked.message.len() - 3;
    let name_end = asked.message.len() - 5;
    vec![
        change(1, 1),            // another transaction
        change(2, 0x80),         // a question
        change(2, 0x10),         // another operation
        change(5, 1),            // no question
        change(5, 2),            // more questions
        change(name_at, 1),      // another name
        change(kind_at, 2),      // another kind
        change(name_end, 1),     // a name that does not end
        change(name_end - 5, 1), // a label longer than the name
        with_question("host"),
        with_question("host.test.test"),
        longer_than_answers_are(&right),
        right[..12].to_vec(),
        right[..asked.message.len() - 1].to_vec(),
        right[..right.len() - 1].to_vec(),
        vec![],
        vec![0; 512],
        vec![0xff; 512],
    ]
}

/// An answer in 513 bytes: a true one, and behind it what nobody reads.
fn longer_than_answers_are(right: &[u8]) -> Vec<u8> {
    let mut message = right.to_vec();
    message.resize(513, 0);
    message
}

#[test]
fn the_true_answer_is_found_behind_all_wrong_ones() {
    let lab = lab();
    let wrong_ones = wrong(&sample()).len();
    for which in 0..wrong_ones {
        let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
            let mut messages = vec![wrong(asked).swap_remove(which)];
            messages.push(reply(asked, 0, &[address("host.test", "10.0.0.7")]));
            messages
        });
        assert_eq!(found, Ok(ip("10.0.0.7")), "wrong answer {which}");
    }
}

/// As long as an answer may be, and with the name in another case (RFC 4343).
#[test]
fn odd_answers_are_answers() {
    let lab = lab();
    let change = |asked: &Asked, change: fn(&mut Vec<u8>)| {
        let mut message = reply(asked, 0, &[address("host.test", "10.0.0.7")]);
        change(&mut message);
        vec![message]
    };
    for how in [
        |message: &mut Vec<u8>| message.resize(512, 0),
        |message: &mut Vec<u8>| message[12..22].make_ascii_uppercase(),
    ] {
        let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| change(asked, how));
        assert_eq!(found, Ok(ip("10.0.0.7")));
    }
}

/// RFC 1035 section 2.3.4: 255 bytes in a message are 253 as text.
#[test]
fn a_name_has_253_bytes_at_most() {
    let lab = lab();
    let text = |last: usize| [63, 63, 63, last].map(|len| "x".repeat(len)).join(".");
    assert_eq!(name_of(&lab, "10.0.0.7", &name(&text(61))), Ok(text(61)));
    for last in [62, 63] {
        let found = name_of(&lab, "10.0.0.7", &name(&text(last)));
        assert_eq!(found, Err(Error::NameNotFound), "{last}");
    }
}

/// Other records may be in the answer, about the same name.
#[test]
fn another_record_of_an_address_is_not_its_name() {
    const TXT: u16 = 16;
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup_name(ip("10.0.0.7")).unwrap();
    let found = lab.block(|| {
        server.step(&lab, |asked| {
            let text = Record { name: name(&asked.name), kind: TXT, data: name("text.test") };
            vec![reply(asked, 0, &[text, pointer(&asked.name, "host.test")])]
        });
        lookup.poll()
    });
    assert_eq!(found.map(|name| name.to_string()), Ok("host.test".into()));
}

#[test]
fn wrong_answers_alone_are_none() {
    let lab = lab();
    let start = lab.clock.time();
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        wrong(asked).into_iter().take(4).collect()
    });
    assert_eq!(found, Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 10);
}

#[test]
fn an_answer_of_a_stranger_is_none() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    lab.near.set_dns_servers(&[ip("192.168.69.9")]).unwrap();
    let found = lab.block(|| {
        server.step(&lab, |asked| vec![reply(asked, 0, &[address("host.test", "10.6.6.6")])]);
        lookup.poll()
    });
    assert_eq!(found, Err(Error::TimedOut), "the server is none any more");
}

/// A question as a server sees it.
fn sample() -> Asked {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
    lab.run_for(Duration::from_millis(10));
    server.step(&lab, |_| vec![]);
    server.asked.take().remove(0)
}

/// Mutations of answers with every kind of record; whatever they say, a look-up has an end.
#[test]
fn garbled_answers_never_panic() {
    let seeds = 0..2_000u64;
    let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
    let lab = lab();
    for seed in seeds {
        let mut random = Random(seed);
        let garble = |asked: &Asked, random: &mut Random| {
            let compressed = Record {
                name: vec![0xc0, 12],
                kind: PTR,
                data: vec![1, b'x', 0xc0, 12 + random.below(40) as u8],
            };
            let records = [
                alias("host.test", "a.test"),
                compressed,
                address("a.test", "10.0.0.7"),
                address("a.test", "fd00::7"),
            ];
            let mut message = reply(asked, 0, &records);
            for _ in 0..random.below(6) {
                let at = 2 + random.below(message.len() - 2);
                message[at] = random.next() as u8;
            }
            message.truncate(message.len() - random.below(8));
            message
        };
        let server = Server::new(&lab.far);
        let mut answered = 0;
        let mut answer = |asked: &Asked| {
            answered += 1;
            let last = reply(asked, NX_DOMAIN, &[]);
            if answered > 2 { vec![last] } else { vec![garble(asked, &mut random)] }
        };
        let outcome = if seed % 3 == 0 {
            let mut lookup = lab.near.lookup_name(ip("10.0.0.7")).unwrap();
            let found = lab.block(|| {
                server.step(&lab, &mut answer);
                lookup.poll()
            });
            format!("{:?}", found.map(|name| assert!(!name.is_empty())))
        } else {
            let kind = if seed % 3 == 1 { AddrType::Ipv4 } else { AddrType::Either };
            let lookup = lab.near.lookup("host.test", kind).unwrap();
            format!("{:?}", ask(&lab, &server, lookup, answer).map(drop))
        };
        *outcomes.entry(outcome).or_default() += 1;
        assert_eq!(free(&lab.near), SLOTS, "seed {seed}");
    }
    println!("{outcomes:?}");
    assert!(outcomes.len() >= 3, "answers, refusals and failures: {outcomes:?}");
}
