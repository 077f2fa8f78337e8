"""Database servers that the tests start themselves, and a small model in a folder, for processes of their own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny import byte_tokenizer, llama


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a few thousand random weights."""
    found = tmp_path_factory.mktemp("model")
    tokenizer = byte_tokenizer()
    llama(len(tokenizer), context=256).save_pretrained(found)
    tokenizer.save_pretrained(found)
    return found


def needed(program: str, package: str, folders: str = "") -> str:
    """The path of a server's program; the test is skipped without it, but not where everything is to be tested."""
    places = [str(found) for found in sorted(Path("/").glob(folders.lstrip("/")))] if folders else []
    found = shutil.which(program, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        said = f"{program} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(command: list[str], ready: Callable[[], bool], log: Path, user: str | None) -> Generator[None]:
    """A server, from when it answers until the end of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, user=user)
    try:
        started = time.monotonic()
        while not ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() - started < 60, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(2)  # PostgreSQL: a fast shutdown, which waits for no client
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def postgres() -> Generator[str]:
    """The URL of a PostgreSQL server of our own, which lets anyone in who is on this machine and knows the port."""
    where = "/usr/lib/postgresql/*/bin"
    initdb, server = needed("initdb", "postgresql", where), needed("postgres", "postgresql", where)
    is_ready = needed("pg_isready", "postgresql-client", where)
    user = "postgres" if os.getuid() == 0 else None  # it refuses to be run by root
    home = Path(tempfile.mkdtemp(prefix="sortilege-postgres-"))
    try:
        if user is not None:
            shutil.chown(home, user)
        data = home / "data"
        made = subprocess.run(
            [initdb, "-D", data, "-A", "trust", "-U", "tester", "--no-sync", "--no-locale", "-E", "UTF8"],
            capture_output=True,
            text=True,
            user=user,
            cwd=home,
        )
        assert made.returncode == 0, made.stderr
        port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": str(port)}
        command = [
            server,
            "-D",
            str(data),
            *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
        ]
        answers = [is_ready, "-q", "-h", "127.0.0.1", "-p", str(port)]
        with served(command, lambda: subprocess.run(answers).returncode == 0, home / "log", user):
            yield f"postgresql://tester:secret@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The URL of a Redis server of our own."""
    program = needed("redis-server", "redis-server")
    port, home = free_port(), tmp_path_factory.mktemp("redis")
    command = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(home),
        "--save",
        "",
        "--daemonize",
        "no",
    ]

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    with served(command, answers, home / "log", None):
        yield f"redis://127.0.0.1:{port}/0"
