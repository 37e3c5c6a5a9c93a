"""Whatever is no exposition ends with one clear sentence, in bounded time and memory."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from istio_observability.cli.main import main
from istio_observability.cli.preview_address import shown_url

GOOD = b"# TYPE istio_requests_total counter\nistio_requests_total 1\n"
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def serving(answer):
    """Serve one connection after the other with ``answer(connection)``; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopped = threading.Event()

        def serve():
            server.settimeout(0.1)
            while not stopped.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    try:
                        connection.recv(65536)
                        answer(connection, stopped)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/stats/prometheus"
        finally:
            stopped.set()
            thread.join()


def whole(body: bytes, status: str = "200 OK", **headers: str):
    """Return an answer that is sent as a whole."""
    lines = {"Content-Type": "text/plain; version=0.0.4", "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode()
    return lambda connection, _stopped: connection.sendall(text + body)


def ask(capsys, url, *options):
    """Run the command; return exit code and standard error."""
    code = main(["preview", url, "--timeout", "20", *options])
    said = capsys.readouterr()

    assert "Traceback" not in said.err
    return code, said.err


GOOD_ANSWERS = {
    "plain": whole(GOOD),
    "packed": whole(gzip.compress(GOOD), Content_Encoding="gzip"),
    "without a type": whole(GOOD, Content_Type=""),
    "OpenMetrics": whole(GOOD + b"# EOF\n", Content_Type="application/openmetrics-text; version=1"),
}


@pytest.mark.parametrize("answer", GOOD_ANSWERS.values(), ids=GOOD_ANSWERS.keys())
def test_metrics_are_taken_from_an_address(capsys, answer):
    """In every form in which servers give them."""
    with serving(answer) as url:
        assert ask(capsys, url) == (0, "")


REFUSED = {
    "404 with a body": (whole(b"404 page not found\n", "404 Not Found"), "answers 404 Not Found; "),
    "503 with metrics": (whole(GOOD, "503 Service Unavailable"), "answers 503 Service Unavailable"),
    "an unknown status": (whole(GOOD, "299 Odd"), "answers 299; "),
    "HTML": (
        whole(b"<html></html>", Content_Type="text/html"),
        "answers 'text/html', not text/p",
    ),
    "HTML that is called text": (whole(b"<!doctype html>\n"), "is HTML or XML; "),
    "JSON": (whole(b"{}", Content_Type="application/json"), "answers 'application/json', not "),
    "protobuf": (whole(b"\n\0", Content_Type="application/vnd.google.protobuf"), "answers 'appl"),
    "an encoding nobody asked for": (whole(GOOD, Content_Encoding="br"), "answers in the encoding"),
    "binary": (whole(bytes(range(256))), "is binary; "),
    "nothing": (whole(b""), "is empty; "),
    "no sample": (whole(b"# TYPE a gauge\n"), "has no sample that the agent can read; "),
    "prose": (whole(b"Hello, world!\n"), "has no sample that the agent can read (a value is n"),
    "broken gzip": (whole(b"\x1f\x8b\x08broken....", Content_Encoding="gzip"), "is broken gzip"),
    "no HTTP": (lambda c, _: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "gives no answer that is HTTP"),
    "hanging up": (lambda *_: None, "closes the connection before the end"),
    "too little": (
        lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + GOOD),
        "closes the connection before the end",
    ),
}


@pytest.mark.parametrize(("answer", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_another_answer_is_one_sentence(capsys, answer, sentence):
    """It names the address and says what to do."""
    with serving(answer) as url:
        code, said = ask(capsys, url)

    assert code == 1
    assert said.startswith(f"error: {url} {sentence}")
    assert said.count("\n") == 1


def never(_connection, stopped):
    """Take the request and say nothing."""
    stopped.wait(30)


def drip(connection, stopped):
    """Begin an answer and send a byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not stopped.wait(0.05):
        connection.sendall(b"a")


def endless(connection, stopped):
    """Send one line after the other, as fast as it goes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not stopped.is_set():
        connection.sendall(b"a_metric_with_a_name 1\n" * 40_000)


def one_line(connection, stopped):
    """Send a line that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not stopped.is_set():
        connection.sendall(b"a" * 1_000_000)


def in_circles(connection, _stopped):
    """Send the reader to the same address again."""
    connection.sendall(
        b"HTTP/1.1 302 Found\r\nLocation: /stats/prometheus\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )


BOUNDED = {
    "never answers": (never, "has not answered within 1 s; "),
    "drips": (drip, "has not answered within 1 s; "),
    "redirects for ever": (in_circles, "redirects in a circle; "),
}


@pytest.mark.parametrize(("answer", "sentence"), BOUNDED.values(), ids=BOUNDED.keys())
def test_the_time_is_bounded(capsys, answer, sentence):
    """As a whole, however busy the server is."""
    began = time.monotonic()
    with serving(answer) as url:
        code, said = ask(capsys, url, "--timeout", "1")
        took_s = time.monotonic() - began

    assert (code, said.startswith(f"error: {url} {sentence}")) == (1, True)
    assert took_s < 15


ENDLESS = {
    "lines": (endless, "is larger than 256 MiB; "),
    "one line": (one_line, "has a line of more than 1 MiB; "),
}


@pytest.mark.parametrize(("answer", "sentence"), ENDLESS.values(), ids=ENDLESS.keys())
def test_the_size_is_bounded(capsys, answer, sentence):
    """A server that never stops is left."""
    with serving(answer) as url:
        code, said = ask(capsys, url, "--timeout", "120")

    assert (code, said.startswith(f"error: {url} {sentence}")) == (1, True)


def test_a_refused_connection_is_one_sentence(capsys):
    """Nothing listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    url = f"http://127.0.0.1:{port}/metrics"

    assert ask(capsys, url) == (
        1,
        f"error: {url} refuses the connection; see whether anything listens there\n",
    )


ADDRESSES = {
    "http://host.invalid/metrics": "has a host that nobody knows; correct the name",
    "http://": "is no address; write http://host:port/path",
    "http://[::1": "is no address; write http://host:port/path",
    "http://a:99999999/": "is no address; write http://host:port/path",
}


@pytest.mark.parametrize(("url", "sentence"), ADDRESSES.items(), ids=ADDRESSES.keys())
def test_an_address_that_is_none_is_one_sentence(capsys, url, sentence):
    """Whatever is wrong with it."""
    code, said = ask(capsys, url)

    assert code == 1
    assert sentence in said


SECRETS = {
    "http://user:pass@host:1/metrics?token=abc#x": "http://host:1/metrics",
    "https://[::1]:1/metrics": "https://[::1]:1/metrics",
    "http://host": "http://host",
    "http://[": "the address",
}


@pytest.mark.parametrize(("url", "shown"), SECRETS.items())
def test_secrets_of_an_address_are_not_shown(url, shown):
    """Neither the user nor the query."""
    assert shown_url(url) == shown


def limited(*arguments: str, feed=None) -> tuple[int, str]:
    """Run the command with little memory; ``feed`` writes to its input until it is closed."""
    script = (
        "import resource, sys; limit = 1_200_000_000;"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit));"
        "from istio_observability.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, "preview", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            while feed is not None:
                process.stdin.write(feed)
        except BrokenPipeError:
            pass
        said = process.stderr.read().decode()
        # Closing flushes what the reader did not take any more.
        with suppress(BrokenPipeError):
            process.stdin.close()
    return process.returncode, said


ENDLESS_INPUT = {
    "lines": (b"some_metric 1\n" * 70_000, "standard input is larger than 256 MiB"),
    "one line": (b"a" * 1_000_000, "standard input has a line of more than 1 MiB"),
    "zeros": (bytes(1_000_000), "standard input is binary"),
}


@pytest.mark.parametrize(("feed", "sentence"), ENDLESS_INPUT.values(), ids=ENDLESS_INPUT.keys())
def test_an_endless_input_is_left(feed, sentence):
    """Within the memory that its limit needs."""
    code, said = limited("-", feed=feed)

    assert (code, said.startswith(f"error: {sentence}; ")) == (1, True)


def test_a_gigabyte_of_one_line_is_refused_at_once(tmp_path):
    """A megabyte of it is read."""
    path = tmp_path / "line.txt"
    with path.open("wb") as stream:
        stream.write(b"a" * 2_000_000)
        # The rest is a hole, so that the file takes no room.
        os.truncate(stream.fileno(), 1 << 30)
    code, said = limited(str(path))

    assert (code, said.startswith(f"error: {path} has a line of more than 1 MiB; ")) == (1, True)


FILES = {
    "a folder": (None, "cannot be read (Is a directory)"),
    "nothing": (b"", "is empty; "),
    "a program": (b"\x7fELF\x02\x01\x01\0", "is binary; "),
    "a page": (b"<html><body>Not found</body></html>", "is HTML or XML; "),
    "a manifest": (b"apiVersion: v1\nkind: Pod\n", "has no sample that the agent can read ("),
    "no UTF-8": (b'a{x="\xff"} 1\n', "has no sample that the agent can read (a label value is no"),
    "lines that end in carriage returns": (b"a 1\r\n", "has no sample that the agent can read ("),
}


@pytest.mark.parametrize(("content", "sentence"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_exposition_is_one_sentence(capsys, tmp_path, content, sentence):
    """With its path."""
    path = tmp_path / "file"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    code, said = ask(capsys, str(path))

    assert (code, said.startswith(f"error: {path} {sentence}")) == (1, True)


def test_a_packed_file_is_unpacked(capsys, tmp_path):
    """By what it begins with, whatever its name is."""
    path = tmp_path / "file.txt"
    path.write_bytes(gzip.compress(GOOD))

    assert ask(capsys, str(path)) == (0, "")
