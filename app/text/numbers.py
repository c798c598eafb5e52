"""What is a phone number, and its one written form: E.164.

Rules of the Lao numbering plan come from libphonenumber's metadata for "LA"; what it lags behind
on (new mobile blocks) is allowed by `EXTRA_MOBILE`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from app.errors import NotAPhoneNumber
from app.text.answers import normalise

# Blocks that libphonenumber does not know yet; operators get them before its metadata does.
EXTRA_MOBILE = re.compile(r"\+85620[468]\d{7}")
# People leave out 020 between mobiles and write eight digits; the first tells the operator.
_SHORT_MOBILE = re.compile(r"[2-9]\d{7}")
_DIGITS = re.compile(r"[^\d+]")


# A session sends its number with every input, some hundreds of sessions at a time.
@lru_cache(1024)
def e164(written: str) -> str:
    """`020 55 512 345`, `2055512345`, `+856 20…`, `00856…`, `55512345` → `+8562055512345`.

    Raises NotAPhoneNumber for short codes, alphanumeric senders and impossible numbers; the
    message never contains the number.
    """
    plain = _DIGITS.sub("", normalise(written).replace("(0)", ""))
    if written.lstrip().startswith("+") and not plain.startswith("+"):
        plain = "+" + plain
    if any(character.isalpha() for character in written):
        raise NotAPhoneNumber("an alphanumeric sender is no phone number")
    if _SHORT_MOBILE.fullmatch(plain):
        plain = "020" + plain
    try:
        parsed = phonenumbers.parse(plain, "LA")
    except phonenumbers.NumberParseException:
        raise NotAPhoneNumber("this is no phone number; write it like 020 55 512 345") from None
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if phonenumbers.is_valid_number(parsed) or EXTRA_MOBILE.fullmatch(number):
        return number
    raise NotAPhoneNumber("this is no phone number; write it like 020 55 512 345")
