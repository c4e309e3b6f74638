"""A process that may not send: the system ends it where it tries, in native code too."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_SENDING_CALLS = {"x86_64": (42, 44, 46, 307), "aarch64": (203, 206, 211, 269)}
"""connect, sendto, sendmsg, sendmmsg: nothing leaves a machine without one of them."""
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def forbid_sending() -> None:
    """From now on this process, and all that it starts, dies of SIGSYS where it connects a socket or sends by one."""
    machine = platform.machine()
    calls = _SENDING_CALLS[machine]
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 0, len(calls) + 1, _ARCHITECTURE[machine]),
        (_LOAD, 0, 0, 0),  # the system call's number
        *((_EQUAL, len(calls) - place, 0, call) for place, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def run_sealed(program: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code that may not send, in a home folder of its own."""
    if not sys.platform.startswith("linux") or platform.machine() not in _SENDING_CALLS:
        pytest.skip("system calls are filtered on Linux only")
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    before = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom sealed import forbid_sending\nforbid_sending()\n"
    return subprocess.run(
        [sys.executable, "-c", before + program, *arguments],
        capture_output=True,
        text=True,
        env={**environment, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
    )
