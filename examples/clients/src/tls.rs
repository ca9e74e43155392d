//! What embedded-tls leaves to its user: random numbers, and what the server's certificate is
//! checked with.

use std::net::SocketAddr;
use std::time::SystemTime;

use embedded_tls::pki::CertVerifier;
use embedded_tls::{
    Aes128GcmSha256, Certificate, CryptoProvider, CryptoRngCore, TlsError, TlsVerifier,
};
use rand_core::OsRng;
use sockstate::{Error, Net, TcpSocket, state::Connected};

use crate::Own;

/// Options of the programs that speak TLS.
pub const OWN: [Own; 2] = [
    Own { name: "--ca", value: Some("FILE"), help: "the authority's certificate, DER (needed)" },
    Own {
        name: "--name",
        value: Some("NAME"),
        help: "whose certificate it must be (default HOST)",
    },
];

/// The size of the buffer for what comes: the longest record that there is.
pub const INCOMING: usize = 16_640;

/// The size of the buffer for what goes. embedded-tls makes records as long as it allows, even if
/// that is longer than records may be: a buffer of 16,640 bytes ends the connection.
pub const OUTGOING: usize = 4096;

/// The longest certificate that is taken.
const LONGEST_CERTIFICATE: usize = 4096;

/// Trusts one authority, and servers whose certificate is of it and in force. But embedded-tls 0.19
/// does not look whether an authority in between is one: whoever has a certificate of this one, for
/// whatever name, can make others. It is for an authority that certifies nobody but one's own.
pub struct Trust<'a>(CertVerifier<'a, Aes128GcmSha256, SystemTime, LONGEST_CERTIFICATE>);

impl<'a> Trust<'a> {
    /// From the certificate of the authority, in DER.
    pub fn new(authority: &'a [u8]) -> Self {
        Trust(CertVerifier::new(Certificate::X509(authority)))
    }
}

impl CryptoProvider for Trust<'_> {
    type CipherSuite = Aes128GcmSha256;
    type Signature = [u8; 0];

    fn rng(&mut self) -> impl CryptoRngCore {
        OsRng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut self.0)
    }
}

/// A connection, to speak TLS on.
pub fn connect(net: &Net, server: SocketAddr) -> Result<TcpSocket<'_, Connected>, Error> {
    Ok(net.tcp()?.connect(server)?.wait()?)
}

/// A connection in a task.
pub async fn connect_async(
    net: &Net,
    server: SocketAddr,
) -> Result<TcpSocket<'_, Connected>, Error> {
    Ok(net.tcp()?.connect(server)?.await?)
}
