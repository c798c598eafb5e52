"""How a web process leaves without losing anybody.

Told to stop, it first says so at /health/ready and serves on. Then, on Linux, its port takes no
new callers, who try again and are refused a second later, when the port is closed: a balancer goes
to another process. Who was let in by the kernel before that is answered. Closing the port at once
would cut off those whom the kernel had let in and this process had not yet seen.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

import psutil

from app.web.settings import DOOR_SECONDS, LEAVING_SECONDS

ASKED = signal.SIGUSR1
"""What tells a web process that it will be told to stop in `SECONDS`."""
SECONDS = LEAVING_SECONDS + DOOR_SECONDS

stopping = threading.Event()

_ATTACH_FILTER = getattr(socket, "SO_ATTACH_FILTER", 26)
# (code, jump if true, jump if false, constant): a classic BPF program on the TCP header.
_NO_NEWCOMERS = (
    (0x30, 0, 0, 13),  # the octet of the flags
    (0x54, 0, 0, 0x12),  # of these SYN and ACK
    (0x15, 0, 1, 0x02),  # a SYN alone begins a connection:
    (0x06, 0, 0, 0),  # it is dropped,
    (0x06, 0, 0, 0xFFFF),  # all else is taken
)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("true", ctypes.c_uint8),
        ("false", ctypes.c_uint8),
        ("constant", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def listen() -> None:
    """Leave when asked to. Only in the process that serves, in its main thread."""
    signal.signal(ASKED, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    if not stopping.is_set():
        stopping.set()
        closing = threading.Timer(LEAVING_SECONDS, close_doors)
        closing.daemon = True
        closing.start()


def close_doors() -> None:
    """From now on nobody new comes in at any port of this process; Linux only."""
    if sys.platform != "linux":
        return
    instructions = (_Instruction * len(_NO_NEWCOMERS))(
        *(_Instruction(*one) for one in _NO_NEWCOMERS)
    )
    program = bytes(_Program(len(instructions), instructions))
    for door in _doors():
        with door:
            door.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _doors() -> Iterator[socket.socket]:
    for one in psutil.Process().net_connections(kind="tcp"):
        if one.status == psutil.CONN_LISTEN:
            # Closed meanwhile: then it takes no more connections either.
            with suppress(OSError):
                yield socket.socket(fileno=os.dup(one.fd))
