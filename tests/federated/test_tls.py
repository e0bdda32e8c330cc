"""Certificates of this test, over loopback."""

import datetime
import ipaddress
import socket
import ssl
import threading

import pytest
import torch

from accel.errors import ConfigError
from accel.federated.channel import ChannelError
from accel.federated.choices import SentAs
from accel.federated.roster import Roster
from accel.federated.tls import joining, serving
from accel.run.owner import Place, Refused, _connect
from tests.federated.fake_owner import SECRET

pytest.importorskip("cryptography")


def certificate(folder, host="127.0.0.1"):
    """Paths of a certificate that signs itself, and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "aggregator")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def listening(tmp_path):
    cert, key = certificate(tmp_path / "own")
    said = []
    roster = Roster(
        address=("127.0.0.1", 0), secret=SECRET, places=1, told={"frozen": ""}, like={"w": torch.zeros(2)},
        sent_as=SentAs.none, answer_s=5, context=serving(str(cert), str(key)), say=said.append,
    )  # fmt: skip
    roster.said = said
    yield roster, cert
    roster.close({"later": True})


def place(roster, context):
    return Place(*roster.address, SECRET, "anna", context, 5)


def test_an_owner_that_trusts_the_certificate_talks(listening):
    roster, cert = listening
    channel = _connect(place(roster, joining(cert)))
    assert isinstance(channel.connection, ssl.SSLSocket)
    channel.send({"name": "anna"}, within=5)
    assert "shapes" in channel.receive(within=5)[0]
    channel.close()


@pytest.mark.parametrize("other", ["127.0.0.1", "10.9.9.9"], ids=["forged", "of another host"])
def test_any_other_certificate_is_refused(listening, tmp_path, other):
    roster, _ = listening
    cert, _ = certificate(tmp_path / "other", other)
    with pytest.raises(Refused, match="no TLS that can be trusted"):
        _connect(place(roster, joining(cert)))


def test_who_talks_plainly_is_not_heard(listening, monkeypatch):
    monkeypatch.setattr("accel.run.owner.GREETING_S", 0.5)
    roster, _ = listening
    with pytest.raises(ChannelError):
        _connect(Place(*roster.address, SECRET, "anna", None, 5))
    assert not roster.present()


def test_what_is_sent_cannot_be_read_in_between(listening):
    """Somebody in between passes bytes on and looks at them."""
    roster, cert = listening
    seen = bytearray()
    middle = socket.create_server(("127.0.0.1", 0))

    def pass_on():
        near, _ = middle.accept()
        far = socket.create_connection(roster.address)

        def copy(a, b):
            while data := a.recv(4096):
                seen.extend(data)
                b.sendall(data)

        threading.Thread(target=copy, args=(far, near), daemon=True).start()
        copy(near, far)

    threading.Thread(target=pass_on, daemon=True).start()
    channel = _connect(Place("127.0.0.1", middle.getsockname()[1], SECRET, "anna", joining(cert), 5))
    channel.send({"name": "a name that shows"}, within=5)
    channel.receive(within=5)
    assert len(seen) > 500
    assert b"a name that shows" not in seen
    channel.close()
    middle.close()


def test_files_that_are_no_certificates_are_told(tmp_path):
    (tmp_path / "a.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="strategy.tls_certificate=.*cannot be used"):
        serving(str(tmp_path / "a.pem"), str(tmp_path / "a.pem"))
    with pytest.raises(ConfigError, match="--tls-ca .*cannot be used"):
        joining(tmp_path / "a.pem")
    assert serving(None, None) is joining(None) is None
