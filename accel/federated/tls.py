"""TLS with certificates that are given by path."""

from __future__ import annotations

import ssl
from pathlib import Path

from accel.errors import ConfigError


def serving(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """What the aggregator shows; None without a certificate.

    Raises:
        ConfigError: it cannot be read.
    """
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"strategy.tls_certificate={certificate} with strategy.tls_key={key} cannot be used ({error}). Both are "
            f"PEM files that belong together."
        ) from None
    return context


def joining(authority: Path | None) -> ssl.SSLContext | None:
    """What an owner trusts: the certificate itself, or that of whoever signed it; None without one.

    Raises:
        ConfigError: it cannot be read.
    """
    if authority is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--tls-ca {authority} cannot be used ({error}). It is a PEM file.") from None
