"""Ports in use, and the processes that hold them."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from genaiops_core.errors import Misconfigured
from genaiops_core.processes.parent import ROLE_VARIABLE, STOP_S

_PROCESSES = Path("/proc")
_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp."""


@dataclass(frozen=True, kw_only=True)
class PortHolder:
    """A process that listens on a port."""

    pid: int
    program: str
    """Name of the program, without its arguments, which may contain secrets."""
    role: str
    """API or UI for a process that `genaiops up` started, else empty."""

    def __str__(self) -> str:
        name = f"the {self.role} of genaiops up" if self.role else self.program
        return f"{name} (process {self.pid})"


def require_free_port(host: str, port: int, option: str) -> None:
    """Check that a server can listen on the port; wait for processes of a console that was killed and is stopping.

    Raises:
        Misconfigured: the port is in use or cannot be used.
    """
    deadline = time.monotonic() + STOP_S + 4
    is_announced = False
    while (error := _find_error(host, port)) is not None:
        holder = find_port_holder(port)
        if holder is None or not _is_orphan(holder) or time.monotonic() > deadline:
            raise port_error(host, port, option, error)
        if not is_announced:
            sys.stderr.write(f"Waiting for {holder}, which stops and still holds port {port}.\n")
            is_announced = True
        time.sleep(0.1)


def port_error(host: str, port: int, option: str, error: OSError) -> Misconfigured:
    """The error of a port that cannot be used, with the process that holds it where that is known."""
    holder = find_port_holder(port)
    reason = f"is in use by {holder}" if holder else f"cannot be used: {error.strerror}"
    remedy = "Stop that process, or choose" if holder else "Choose"
    return Misconfigured(f"Port {port} on {host} {reason}. {remedy} another port with {option}.")


def find_port_holder(port: int) -> PortHolder | None:
    """A process that listens on `port`; None where the system does not show it, such as for processes of other users."""
    inodes = _list_listening_inodes(port)
    if not inodes:
        return None
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for folder in _PROCESSES.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                program = (folder / "comm").read_text().strip()
                return PortHolder(pid=int(folder.name), program=program, role=_read_role(folder))
        # The process ended meanwhile, or belongs to another user.
        except OSError:
            continue
    return None


def _find_error(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: otherwise a port that was closed a moment ago counts as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _list_listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROCESSES / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            # Local address as HOST:PORT in hexadecimal digits, state, and the inode of the socket.
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes


def _read_role(folder: Path) -> str:
    prefix = f"{ROLE_VARIABLE}=".encode()
    for variable in (folder / "environ").read_bytes().split(b"\0"):
        if variable.startswith(prefix):
            return variable.removeprefix(prefix).decode(errors="replace")
    return ""


def _is_orphan(holder: PortHolder) -> bool:
    """Whether the holder belongs to a console whose supervisor is gone."""
    if not holder.role:
        return False
    try:
        folder = _PROCESSES / str(holder.pid)
        # The first ancestor without a role is the supervisor, or the process that adopts orphans.
        while _read_role(folder):
            parent = _read_parent(folder)
            folder = _PROCESSES / str(parent)
            if parent <= 1:
                return True
        return b"up" not in (folder / "cmdline").read_bytes().split(b"\0")
    # It ended meanwhile.
    except OSError:
        return True


def _read_parent(folder: Path) -> int:
    """The parent's ID; the name of the program before it may contain spaces and parentheses."""
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
