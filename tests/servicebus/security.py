"""Who may do what: shared access signatures, and what they allow."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import parse_qs, quote_plus, urlsplit

from .errors import Refusal

__all__ = ("Security", "path_of")


def path_of(address: str) -> str:
    """The key of an entity: ``orders`` for ``amqp://host/Orders`` and for ``Orders``."""
    return (urlsplit(address).path if "://" in address else address).strip("/").lower()


class Security:
    """Checks tokens.

    Attributes:
        missing_entity_at_token: A token for an entity that is not there is refused with 404, as the service does; else
            the link is.
        refuses_links: Tokens are taken, but links are refused, as for a key without the right to send or to listen.
    """

    def __init__(self, key_name: str, key: str, expect_entity: Callable[[str], object]) -> None:
        self.key_name, self.key = key_name, key
        self.missing_entity_at_token = True
        self.refuses_links = False
        self._expect_entity = expect_entity

    def check(self, audience: str, token: str) -> str:
        """Check a token, and return the path that it is for; tokens of other kinds than SAS are taken unseen."""
        if token.startswith("SharedAccessSignature "):
            self._check_signature(token.removeprefix("SharedAccessSignature "))
        path = path_of(audience).removesuffix("/$management")
        if path and self.missing_entity_at_token:
            self._expect_entity(path)
        return path

    def _check_signature(self, token: str) -> None:
        fields = {name: values[0] for name, values in parse_qs(token).items()}
        signed = f"{quote_plus(fields['sr'])}\n{fields['se']}".encode()
        digest = base64.b64encode(hmac.digest(self.key.encode(), signed, hashlib.sha256)).decode()
        if fields.get("skn") != self.key_name or not hmac.compare_digest(digest, fields["sig"]):
            raise Refusal.unauthorized("InvalidSignature: The token has an invalid signature.")
        if float(fields["se"]) < time.time():
            raise Refusal.unauthorized("ExpiredToken: The token is expired.")

    def allows(self, claims: set[str], path: str) -> bool:
        return not self.refuses_links and any(claim in ("", path) or path.startswith(f"{claim}/") for claim in claims)
