//! Drivers that know nothing of the stack but the embedded-nal traits, and so never poll it.

use super::*;

pub(crate) fn embedded_nal_tcp(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || echo(&mut kernel_accept(&listener)));
    nal_tcp_client(stack.net(), server);
    kernel.join().expect("the kernel's server");

    let server = wire.our(PORT);
    let kernel =
        nal_tcp_server(stack.net(), || thread::spawn(move || ask(&mut kernel_connect(server), 1)));
    kernel.join().expect("the kernel's client");
}

pub(crate) fn nal_tcp_client<S: TcpClientStack<Error = Error>>(mut stack: S, server: SocketAddr) {
    let mut socket = stack.socket().unwrap();
    spin(|| stack.connect(&mut socket, server)).unwrap();
    assert_eq!(spin(|| stack.send(&mut socket, b"hello")), Ok(5));
    let mut buffer = [0; 16];
    assert_eq!(spin(|| stack.receive(&mut socket, &mut buffer)), Ok(5));
    assert_eq!(&buffer[..5], b"hello");
    stack.close(socket).unwrap();
}

/// Answers the client that `start` starts once the server listens.
pub(crate) fn nal_tcp_server<S: TcpFullStack<Error = Error>, T>(
    mut stack: S,
    start: impl FnOnce() -> T,
) -> T {
    let mut listener = stack.socket().unwrap();
    stack.bind(&mut listener, PORT).unwrap();
    stack.listen(&mut listener).unwrap();
    let client = start();

    let (mut socket, _) = spin(|| stack.accept(&mut listener)).unwrap();
    let mut message = [0; MESSAGE];
    let mut received = 0;
    while received < MESSAGE {
        received += spin(|| stack.receive(&mut socket, &mut message[received..])).unwrap();
    }
    message.reverse();
    let mut sent = 0;
    while sent < MESSAGE {
        sent += spin(|| stack.send(&mut socket, &message[sent..])).unwrap();
    }
    stack.close(socket).unwrap();
    stack.close(listener).unwrap();
    client
}

pub(crate) fn embedded_nal_udp(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (kernel_socket, kernel) = wire.kernel_udp();
    let kernel_socket = thread::spawn(move || {
        let mut buffer = [0; 16];
        let (size, from) = kernel_socket.recv_from(&mut buffer).unwrap();
        kernel_socket.send_to(&buffer[..size], from).unwrap();
        kernel_socket
    });
    nal_udp_client(stack.net(), kernel);
    let kernel_socket = kernel_socket.join().expect("the kernel's server");

    let server = wire.our(PORT);
    let client = nal_udp_server(stack.net(), || {
        thread::spawn(move || {
            kernel_socket.send_to(b"hello", server).unwrap();
            let mut buffer = [0; 16];
            assert_eq!(kernel_socket.recv_from(&mut buffer).unwrap(), (5, server));
            assert_eq!(&buffer[..5], b"hello");
        })
    });
    client.join().expect("the kernel's client");
}

pub(crate) fn nal_udp_client<S: UdpClientStack<Error = Error>>(mut stack: S, server: SocketAddr) {
    let mut socket = stack.socket().unwrap();
    stack.connect(&mut socket, server).unwrap();
    spin(|| stack.send(&mut socket, b"hello")).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(spin(|| stack.receive(&mut socket, &mut buffer)), Ok((5, server)));
    assert_eq!(&buffer[..5], b"hello");
    stack.close(socket).unwrap();
}

/// Answers the client that `start` starts once the server is bound.
pub(crate) fn nal_udp_server<S: UdpFullStack<Error = Error>, T>(
    mut stack: S,
    start: impl FnOnce() -> T,
) -> T {
    let mut socket = stack.socket().unwrap();
    stack.bind(&mut socket, PORT).unwrap();
    let client = start();

    let mut buffer = [0; 16];
    let (size, from) = spin(|| stack.receive(&mut socket, &mut buffer)).unwrap();
    spin(|| stack.send_to(&mut socket, from, &buffer[..size])).unwrap();
    stack.close(socket).unwrap();
    client
}

/// Repeats a call until it no longer would block.
pub(crate) fn spin<T>(mut call: impl FnMut() -> nb::Result<T, Error>) -> Result<T, Error> {
    loop {
        match call() {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => check_limit(),
        }
    }
}
