"""Every error Siang raises. Each knows whether trying again helps and what to tell whom.

SiangError
├── OperatorError            a person at the machine must mend something; message + remedy
│   ├── ConfigError          config/siang.toml or the environment
│   ├── FlowError            a flow or a language pack; carries every problem at once
│   ├── RegistryError        registry CSV files; carries every problem at once
│   └── ImportRefused        an office's CSV file of requests; carries every problem at once
├── RefusedRequest           a gateway's request that we turn down; has the HTTP status
│   ├── Unauthenticated      403: wrong or missing token
│   ├── Malformed            422: a field is missing or of the wrong kind
│   └── Contradicts          409: a provider's id came before with other content
├── SendError                a provider did not take a message
│   ├── TryLater             certainly not sent; sending again helps
│   ├── Refused              certainly not sent; sending again does not help
│   │   └── OptedOut         the phone told its network that it wants nothing of us
│   └── FateUnknown          the request left, no answer came
├── RequestRefused           what an office says of a citizen's request cannot be
└── NotAPhoneNumber          what was given is no phone number
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


class SiangError(Exception):
    """The root of the tree."""


class OperatorError(SiangError):
    """Something a person at the machine must mend: what is wrong, then what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        if not self.remedy:
            return self.message
        return f"{self.message.rstrip('.')}. {self.remedy}"


class ConfigError(OperatorError):
    """A setting is unknown, missing or of the wrong kind."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where exactly, what, and what to do about it."""

    file: str
    line: int
    where: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = (
            f"{self.file}:{self.line}: {self.where}: "
            if self.where
            else f"{self.file}:{self.line}: "
        )
        return place + (f"{self.message}. {self.remedy}" if self.remedy else self.message)


class FileProblems(OperatorError):
    """Everything wrong in a set of files, reported at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class FlowError(FileProblems):
    """A flow or a language pack cannot be used."""


class RegistryError(FileProblems):
    """Registry files cannot be loaded."""


class ImportRefused(FileProblems):
    """An office's file of requests cannot be imported."""


class RefusedRequest(SiangError):
    """A gateway's request that changes nothing; `status` makes the gateway stop or retry."""

    status = 400


class Unauthenticated(RefusedRequest):
    """The channel's token is missing or wrong."""

    status = 403


class Malformed(RefusedRequest):
    """A field is missing or of the wrong kind; the reason names the field, never its value."""

    status = 422


class Contradicts(RefusedRequest):
    """The gateway's id is known, and what it brought then was something else."""

    status = 409


class SendError(SiangError):
    """A provider did not take a message; the reason never contains the number or the text."""


class TryLater(SendError):
    """Certainly not sent: sending again later helps.

    `after` is how long the provider wants to be left alone (HTTP's Retry-After); then the whole
    channel waits, and it is no sign that the channel is broken.
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Refused(SendError):
    """Certainly not sent: sending again does not help."""


class OptedOut(Refused):
    """The phone has told its network or provider that it wants no messages of ours."""


class FateUnknown(SendError):
    """The request left and no answer came: it may or may not have been sent."""


class NotAPhoneNumber(SiangError):
    """What was given is no phone number. The value itself is never part of the message."""


class RequestRefused(SiangError):
    """What an office says of a citizen's request cannot be: `code` and `field` for programs,
    the sentence for people. It repeats nothing that was written.
    """

    def __init__(self, code: str, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.field = field
        self.sentence = sentence
