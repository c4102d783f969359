"""Network namespaces: replicas on one machine that share no port, no loopback, nothing but a wire.

The bench itself runs in a namespace that leads nowhere, so whatever it and its replicas send stays on this machine and
ends with it. Needs Linux, root, `unshare` (util-linux) and `ip` (iproute2).
"""

import os
import subprocess
import sys
from shutil import which

from redis import Redis

HUB = "10.77.0.1"
"""The bench's own address on the wire."""
_ENTERED = "FROSTDESK_BENCH_NAMESPACE"
_NAMES = "/run/netns"
_ALONE = ("unshare", "--net", "--mount")


def enter() -> bool:
    """Start this program again in a namespace of its own, once; return whether it is in one (False: refused)."""
    if _ENTERED not in os.environ and _allowed():
        sys.stdout.flush()
        os.execvpe("unshare", [*_ALONE, sys.executable, *sys.argv], {**os.environ, _ENTERED: "yes"})
    return _ENTERED in os.environ


def _allowed() -> bool:
    trial = (
        f"mkdir -p {_NAMES} && mount -t tmpfs none {_NAMES} && ip netns add trial && ip link add hub type bridge"
        " && ip link add trial type veth peer name wire netns trial"
    )
    if which("unshare") is None or which("ip") is None:
        return False
    return subprocess.run([*_ALONE, "sh", "-c", trial], check=False, capture_output=True).returncode == 0


def lay_wire() -> None:
    """Make the bridge that all replicas' namespaces hang on; this program alone sees their names."""
    _run("mount", "-t", "tmpfs", "none", _NAMES)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "hub", "type", "bridge")
    _ip("address", "add", f"{HUB}/24", "dev", "hub")
    _ip("link", "set", "hub", "up")


def hang_on(number: int) -> tuple[str, list[str]]:
    """Make a namespace; return its address on the wire, and the words before a command that shall run in it."""
    name, address = f"replica{number}", f"10.77.0.{number + 2}"
    _ip("netns", "add", name)
    _ip("link", "add", name, "type", "veth", "peer", "name", "wire", "netns", name)
    _ip("link", "set", name, "master", "hub", "up")
    _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
    _ip("-n", name, "link", "set", "wire", "up")
    return address, ["ip", "netns", "exec", name]


def open_queue(url: str) -> str:
    """Let a queue server on loopback listen on the wire too; return its URL there."""
    client = Redis.from_url(url)
    client.config_set("bind", f"127.0.0.1 {HUB}")
    client.close()
    return url.replace("127.0.0.1", HUB)


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
