//! The traits of embedded-io: whether a call would wait, and what it has done when it returns.

use embedded_io::{ReadReady, Write, WriteReady};
use sockstate::testing::Lab;
use sockstate::{Duplex, Duration, Error};

/// Each connection by itself, whichever slot it has.
#[test]
fn embedded_io_tells_whether_a_call_would_wait() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let remote = "192.168.69.2:80".parse().unwrap();
    let [mut idle, mut busy] =
        [(), ()].map(|()| lab.near.tcp().unwrap().connect(remote).unwrap().wait().unwrap());
    let [mut first, mut second] = [(), ()].map(|()| lab.block(|| listener.accept()).unwrap().0);
    assert_eq!((idle.read_ready(), busy.read_ready()), (Ok(false), Ok(false)));
    second.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!((idle.read_ready(), busy.read_ready()), (Ok(false), Ok(true)));
    while busy.send(&[0; 1_000]).is_ok() {}
    lab.run_for(Duration::from_secs(1));
    while busy.send(&[0; 1_000]).is_ok() {}
    assert_eq!((idle.write_ready(), busy.write_ready()), (Ok(true), Ok(false)));

    // It has arrived when it is flushed.
    Write::write_all(&mut idle, b"hello").unwrap();
    Write::flush(&mut idle).unwrap();
    assert_eq!(idle.send_queue(), Ok(0));
    assert_eq!(first.receive(&mut [0; 8]), Ok(5));
    // What fails does not wait.
    first.abort();
    lab.run_for(Duration::from_secs(1));
    assert_eq!((idle.read_ready(), idle.write_ready()), (Ok(true), Ok(true)));
    let within = busy.recv_with(|_| (0, (idle.read_ready(), idle.write_ready())));
    assert_eq!(within.unwrap(), (Err(Error::Reentrant), Err(Error::Reentrant)));
}

#[test]
fn a_duplex_writes_and_tells_whether_a_call_would_wait() {
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let duplex = Duplex::new(near);
    let mut both = &duplex;
    assert_eq!((both.read_ready(), both.write_ready()), (Ok(false), Ok(true)));
    assert_eq!(Write::write(&mut both, b"hello"), Ok(5));
    assert_eq!(Write::flush(&mut both), Ok(()));
    assert_eq!(duplex.socket().send_queue(), Ok(0));
    assert_eq!(far.receive(&mut [0; 8]), Ok(5));
    far.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(both.read_ready(), Ok(true));
    // As much as the windows of both ends hold.
    Write::write_all(&mut both, &[0; 8_192]).unwrap();
    assert_eq!(both.write_ready(), Ok(false));
}
