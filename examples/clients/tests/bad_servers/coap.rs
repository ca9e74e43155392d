//! The CoAP server, with clients that send garbage.

use std::time::Duration;

use embedded_nal::{UdpClientStack, UdpFullStack, nb};
use embedded_nal_minimal_coapserver as coap;
use sockstate::testing::Lab;
use sockstate::{Error, Net};
use sockstate_clients::coap::resources;

use crate::{Behaviour, Paced, Scene};

const PORT: u16 = 5683;

/// Requests that are none, but for their first bytes in every second one of them.
fn garbage() -> impl Iterator<Item = Vec<u8>> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..5_000).map(move |number| {
        let size = random() % [16, 64, 1_400][number % 3];
        let mut bytes: Vec<u8> = (0..size).map(|_| (random() >> 32) as u8).collect();
        if number % 2 == 0 && bytes.len() >= 2 {
            // Version 1, a token of up to eight bytes, and a method.
            bytes[0] = 0x40 | bytes[0] & 0x18;
            bytes[1] = 1 + bytes[1] % 4;
        }
        bytes
    })
}

#[test]
fn garbage_requests() {
    let lab = Lab::new(7);
    let scene = Scene::new(&lab, Behaviour::Silent, |_| Vec::new());
    let net: &Net = lab.near.net();
    let mut stack = Paced::new(net, &scene);
    let mut socket = stack.socket().unwrap();
    stack.bind(&mut socket, PORT).unwrap();
    let mut handler = resources(|| Duration::ZERO);
    let mut client = lab.far.udp().unwrap().bind(7_000).unwrap();
    let server = format!("192.168.69.1:{PORT}").parse().unwrap();

    // Serves one datagram, and gives the answer if there was one.
    let mut ask = |request: &[u8]| {
        lab.far.block(|| client.send_to(request, server)).unwrap();
        // On its way there, and back.
        let mut idle = 0;
        while idle < 3 {
            match coap::poll(&mut stack, &mut socket, &mut handler) {
                Ok(()) => {}
                // What is longer than the server's buffer is an error of the one call.
                Err(nb::Error::Other(error)) => {
                    assert!(matches!(error, Error::Truncated(_)), "{error}");
                }
                Err(nb::Error::WouldBlock) => idle += 1,
            }
        }
        let mut buffer = [0; 2048];
        let answer = client.receive_from(&mut buffer);
        answer.map(|(size, _)| buffer[..size].to_vec()).ok()
    };
    // Enough of it looks like a request to be told what is wrong with it.
    let answers = garbage().filter_map(|request| ask(&request)).count();
    assert!(answers > 100, "only {answers} answers");

    // PUT /note "hi", and GET /note, with the message numbers 1 and 2.
    let put = [b"\x40\x03\0\x01\xb4note\xff".as_slice(), b"hi"].concat();
    assert_eq!(ask(&put).as_deref(), Some(b"\x60\x44\0\x01".as_slice()));
    assert_eq!(ask(b"\x40\x01\0\x02\xb4note").as_deref(), Some(b"\x60\x45\0\x02\xffhi".as_slice()));
    stack.close(socket).unwrap();
    scene.assert_no_slot_lost();
}
