//! Names that are none, and answers that are none, for sockets of both protocols.

use super::*;
use crate::common::name_server::{NX_DOMAIN, Record, SERVER_FAILURE, alias, name};
use crate::common::{Random, failed};

/// The same on a TCP and on a UDP socket. Afterwards, all slots are free.
fn on_both(answer: impl Fn(&Asked) -> Vec<Vec<u8>>) -> Result<IpAddr, Error> {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let over_tcp = resolve(&lab, &server, socket, &answer)
        .map_err(|(_, error)| error)
        .and_then(|socket| socket.remote_endpoint());
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
    let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let over_udp = tie(&lab, &server, socket, &answer)
        .map_err(|(_, error)| error)
        .and_then(|socket| socket.remote_endpoint());
    assert_eq!(over_tcp, over_udp);
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
    over_tcp.map(|remote| remote.ip())
}

#[test]
fn names_that_are_none_are_errors_at_once() {
    let lab = lab();
    let label = "x".repeat(64);
    let long = [&label[..63]; 4].join(".");
    let bad = ["", ".", "..", "a..b", ".a", "a b", "a\0b", "a/b", "m\u{fc}nchen.test", "fe80::1%1"];
    for host in bad.into_iter().chain([label.as_str(), &long]) {
        let tcp = lab.near.tcp().unwrap();
        assert_eq!(failed(tcp.connect_by_name(host, PORT)).1, Error::InvalidName, "{host}");
        let udp = lab.near.udp().unwrap().bind(6000).unwrap();
        let (udp, error) = failed(udp.connect_by_name(host, PORT));
        assert_eq!(error, Error::InvalidName, "{host}");
        assert_eq!(udp.local_endpoint().unwrap().port, 6000, "still bound");
    }
    assert!(lab.near.tcp().unwrap().connect_by_name(&long[..253], PORT).is_ok());
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

#[test]
fn a_name_that_nobody_has_is_an_error() {
    assert_eq!(on_both(|asked| vec![reply(asked, NX_DOMAIN, &[])]), Err(Error::NameNotFound));
    assert_eq!(on_both(|asked| vec![reply(asked, 0, &[])]), Err(Error::NameNotFound));
}

#[test]
fn servers_that_fail_are_an_error() {
    let failure = on_both(|asked| vec![reply(asked, SERVER_FAILURE, &[])]);
    assert_eq!(failure, Err(Error::NameServerFailed));
}

#[test]
fn aliases_without_an_address_are_an_error() {
    let circle = |asked: &Asked| {
        let records = [alias(HOST, "a.test"), alias("a.test", "b.test"), alias("b.test", "a.test")];
        vec![reply(asked, 0, &records)]
    };
    assert_eq!(on_both(circle), Err(Error::NameNotFound));
    let nowhere = |asked: &Asked| vec![reply(asked, 0, &[alias(HOST, "a.test")])];
    assert_eq!(on_both(nowhere), Err(Error::NameNotFound));
    let itself = |asked: &Asked| vec![reply(asked, 0, &[alias(HOST, HOST)])];
    assert_eq!(on_both(itself), Err(Error::NameNotFound));
}

#[test]
fn rubbish_is_no_answer() {
    let rubbish = [vec![], vec![0; 12], vec![0xff; 512], vec![0; 513], b"hello".to_vec()];
    for message in rubbish {
        assert_eq!(on_both(|_| vec![message.clone()]), Err(Error::TimedOut), "{message:?}");
        let found = on_both(|asked| [vec![message.clone()], knows(asked, &["fd00::2"])].concat());
        assert_eq!(found, Ok(ip("fd00::2")), "behind {message:?}");
    }
}

#[test]
fn a_record_of_a_wrong_size_is_no_address() {
    for size in [0, 3, 5, 15, 17] {
        let wrong = |asked: &Asked| {
            let record = Record { name: name(HOST), kind: asked.kind, data: vec![1; size] };
            vec![reply(asked, 0, &[record])]
        };
        assert_eq!(on_both(wrong), Err(Error::TimedOut), "{size} bytes");
    }
}

#[test]
fn of_an_answer_that_is_cut_short_what_is_whole_counts() {
    let cut = |asked: &Asked, addrs: &[&str], missing: usize| {
        let mut message = knows(asked, addrs).remove(0);
        message[2] |= 0x02;
        message.truncate(message.len() - missing);
        vec![message]
    };
    // Nothing whole: the servers cannot answer.
    let nothing = on_both(|asked| match asked.kind {
        A => cut(asked, &["192.168.69.2"], 1),
        _ => cut(asked, &["fd00::2"], 20),
    });
    assert_eq!(nothing, Err(Error::NameServerFailed));
    let whole = on_both(|asked| match asked.kind {
        A => cut(asked, &["192.168.69.2", "192.168.69.3"], 1),
        _ => cut(asked, &[], 0),
    });
    assert_eq!(whole, Ok(ip("192.168.69.2")));
}

#[test]
fn an_answer_of_another_kind_or_number_is_none() {
    let other_kind = on_both(|asked| {
        let v4 = address(HOST, "192.168.69.2");
        let v6 = address(HOST, "fd00::2");
        vec![reply(asked, 0, &[if asked.kind == A { v6 } else { v4 }])]
    });
    assert_eq!(other_kind, Err(Error::NameNotFound));
    let other_number = on_both(|asked| {
        let mut messages = knows(asked, &["192.168.69.2"]);
        messages[0][0] ^= 1;
        messages
    });
    assert_eq!(other_number, Err(Error::TimedOut));
}

/// Whatever an answer says, resolving has an end, and no slot is lost.
#[test]
fn garbled_answers_never_panic() {
    let lab = lab();
    let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..600 {
        let mut random = Random(seed);
        let server = Server::new(&lab.far);
        let mut answered = 0;
        let answer = |asked: &Asked| {
            answered += 1;
            if answered > 6 {
                return vec![reply(asked, NX_DOMAIN, &[])];
            }
            let addrs = ["192.168.69.2", "fd00::2", "192.168.69.3", "fd00::3"];
            let mut message = knows(asked, &addrs).remove(0);
            for _ in 0..random.below(4) {
                let at = 2 + random.below(message.len() - 2);
                message[at] = random.next() as u8;
            }
            message.truncate(message.len() - random.below(8));
            vec![message]
        };
        let outcome = if seed % 2 == 0 {
            let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
            resolve(&lab, &server, socket, answer).map(drop).map_err(|(_, error)| error)
        } else {
            let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
            tie(&lab, &server, socket, answer).map(drop).map_err(|(_, error)| error)
        };
        *outcomes.entry(format!("{outcome:?}")).or_default() += 1;
        lab.run_for(Duration::from_millis(10));
        assert_eq!(free(&lab.near), [SLOTS, SLOTS], "seed {seed}");
    }
    assert!(outcomes.len() >= 2, "addresses and failures: {outcomes:?}");
}
