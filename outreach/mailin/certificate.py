"""The certificate that STARTTLS shows."""

import ssl

from campaigns.settings import Settings


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """What STARTTLS needs, where a certificate is set. Raises ValueError with a sentence for a bad one."""
    if settings.mailin_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.mailin_cert, settings.mailin_key)
    except (OSError, ssl.SSLError) as error:
        said = getattr(error, "strerror", None) or "no certificate with its key"
        raise ValueError(f"OUTREACH_MAILIN_CERT={str(settings.mailin_cert)!r}: {said}") from None
    return context
