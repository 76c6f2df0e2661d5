"""TLS through the transport that checks addresses: the certificate is that of the name, not of the address."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from genaiops_core.clock import now
from genaiops_core.evaluation.models.checked_transport import CheckedTransport


def certificate(folder: Path, *names: x509.GeneralName) -> Path:
    """A certificate that signs itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "target")])
    signed = (
        x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - dt.timedelta(days=1))
        .not_valid_after(now() + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "target.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


def get(file: Path, host: str) -> str:
    """Ask a TLS server on loopback that has the certificate, by a name for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async def once() -> str:
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(file)
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own) as server:
            port = server.sockets[0].getsockname()[1]
            inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(cafile=str(file)))
            async with httpx.AsyncClient(transport=CheckedTransport(inner)) as client:
                return (await client.get(f"https://{host}:{port}/")).text

    return asyncio.run(once())


def test_certificate_must_contain_the_name(tmp_path: Path) -> None:
    assert get(certificate(tmp_path, x509.DNSName("localhost")), "localhost") == "hi"


def test_certificate_of_the_address_is_refused(tmp_path: Path) -> None:
    file = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    assert get(file, "127.0.0.1") == "hi"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        get(file, "localhost")
