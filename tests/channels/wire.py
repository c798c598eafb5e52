"""What the door and the fake providers share: proofs, content types, how a form is read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

NEW, OLD = "new-token-0123456789", "old-token-0123456789"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def encoded(fields: Mapping[str, object]) -> str:
    """A form with whatever letters there are, lone surrogates as well."""
    return urlencode(fields, errors="surrogatepass")


def decoded(form: str | bytes) -> dict[str, str]:
    """A form's fields; the first of a repeated name wins."""
    text = form if isinstance(form, str) else form.decode("utf-8", "replace")
    return dict(reversed(parse_qsl(text, keep_blank_values=True, errors="replace")))
