"""The `satclip` command as a process of its own, without the time Python takes to start.

To start Python and import what a command needs takes a second, the command itself a tenth of it.
One process imports everything and runs nothing; each command is forked off it, with arguments,
environment, folder and streams of its own, and is in all else the process `python -m satclip_cli`
is. That a command also starts by itself, and what it imports then, others test.

Run as a program this is that one process: `python forked.py SOCKET [MODULE...]`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, NoReturn

START = [sys.executable, "-m", "satclip_cli"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

_LENGTH = 1 << 20  # of one message, the environment included


class Commands:
    """Runs commands; closing it ends the process that they are forked off."""

    def __init__(self, *modules: str) -> None:
        """`modules`: what is imported beforehand, with all below those that are ours."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), *modules],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()

    def run(
        self,
        words: list[str],
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        input: str | None = None,
        timeout: float = 300,
        memory: int | None = None,
        file_size: int | None = None,
        signalled: tuple[int, float] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run` of `satclip` with these words, its output captured as text.

        Args:
            words: the arguments.
            cwd: folder that it runs in.
            env: its environment.
            input: its standard input.
            timeout: seconds until it is killed, which raises TimeoutExpired.
            memory: bytes that it may take beyond what the imports took.
            file_size: bytes that a file may have, as on a disk that is full then.
            signalled: a signal and after how many seconds it gets it.
        """
        ends = [os.pipe() for _ in range(3)]
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = ends
        environment = dict(os.environ if env is None else env)
        asked = [words, str(cwd or Path.cwd()), environment, memory, file_size]
        theirs = [read_in, write_out, write_err]
        socket.send_fds(self._socket, [json.dumps(asked).encode()], theirs)
        for one in theirs:
            os.close(one)
        pid = json.loads(self._socket.recv(_LENGTH))
        late = threading.Event()

        def stop() -> None:
            late.set()
            os.kill(pid, signal.SIGKILL)

        clocks = [threading.Timer(timeout, stop)]
        if signalled is not None:
            clocks.append(threading.Timer(signalled[1], _signal, (pid, signalled[0])))
        for clock in clocks:
            clock.start()
        try:
            with ThreadPoolExecutor(3) as pool:
                said = [pool.submit(_read, end) for end in (read_out, read_err)]
                pool.submit(_write, write_in, input or "")
            code = json.loads(self._socket.recv(_LENGTH))
        finally:
            for clock in clocks:
                clock.cancel()
        out, err = (one.result() for one in said)
        if late.is_set():
            raise subprocess.TimeoutExpired([*START, *words], timeout, out, err)
        return subprocess.CompletedProcess([*START, *words], code, out, err)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        os.kill(pid, number)


def _read(end: int) -> str:
    with os.fdopen(end) as stream:
        return stream.read()


def _write(end: int, text: str) -> None:
    # A command need not read all of its standard input.
    with contextlib.suppress(BrokenPipeError), os.fdopen(end, "w") as stream:
        stream.write(text)


def _import(name: str) -> None:
    """Import a module, and all below it where it is one of ours; nothing where it is missing."""
    with contextlib.suppress(ImportError):
        module = importlib.import_module(name)
        if name.startswith("satclip_") and hasattr(module, "__path__"):
            for below in pkgutil.iter_modules(module.__path__, f"{name}."):
                if not below.name.endswith("__main__"):
                    _import(below.name)


def _serve(asking: socket.socket) -> None:
    """Fork one command after the other until nobody asks any more."""
    while True:
        message, streams, _, _ = socket.recv_fds(asking, _LENGTH, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            asking.close()
            _become(*json.loads(message), streams)
        for one in streams:
            os.close(one)
        asking.send(json.dumps(pid).encode())
        _, status = os.waitpid(pid, 0)
        asking.send(json.dumps(_code(status)).encode())


def _code(status: int) -> int:
    """The exit code of a status of `waitpid`, as subprocess gives it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _limit(memory: int | None, file_size: int | None) -> None:
    """Let this process have so much more memory, and files of such a size."""
    if memory is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))


def _become(
    words: list[str],
    cwd: str,
    env: dict[str, str],
    memory: int | None,
    file_size: int | None,
    streams: list[int],
) -> NoReturn:
    """Be the command that was asked for."""
    _limit(memory, file_size)
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        setattr(sys, name, open(getattr(sys, f"__{name}__").fileno(), mode, closefd=False))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = ["satclip", *words]
    code: Any = 1
    try:
        importlib.import_module("satclip_cli.main").main()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for name in sys.argv[2:]:
        _import(name)
    with contextlib.suppress(KeyboardInterrupt):  # it reaches whoever runs the tests, too
        _serve(socket.socket(fileno=int(sys.argv[1])))
