//! What the images talk to: an echo server, and a name server that knows one host.

use std::io::{self, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;

/// The host as the images see it.
const HOST: [u8; 4] = [10, 0, 2, 2];

/// Starts all servers, which run as long as the program does.
pub fn start() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:7")?;
    thread::spawn(move || listener.incoming().flatten().for_each(echo));
    answer(UdpSocket::bind("127.0.0.1:7")?, |request| request.to_vec());
    answer(UdpSocket::bind("127.0.0.1:53")?, name_answer);
    Ok(())
}

fn echo(mut stream: impl Read + Write + Send + 'static) {
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok(size @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..size]).is_err() {
                break;
            }
        }
    });
}

fn answer(socket: UdpSocket, answer: fn(&[u8]) -> Vec<u8>) {
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            // A lost answer is asked for again.
            let _ = socket.send_to(&answer(&buffer[..size]), from);
        }
    });
}

/// Whatever was asked for has the host's address (RFC 1035 section 4).
fn name_answer(query: &[u8]) -> Vec<u8> {
    let mut message = query.to_vec();
    message[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    // The name of the question, A, IN, a minute, four bytes.
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(HOST);
    message
}
