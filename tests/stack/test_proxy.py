"""deploy/nginx in front of two stand-ins for web processes: what it passes on and what it logs."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app import clock
from app.settings import ROOT
from tests.stack.running import free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
FILES = ROOT / "deploy" / "nginx"
HOOK = "/channels/kannel/sms?token=secret-token-0123&from=2055512345&text="

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Web:
    """A stand-in for a web process: answers `status`, or nothing at all, and keeps what came."""

    port: int = field(default_factory=free_port)
    status: int | None = 200
    came: list[tuple[str, str, bytes]] = field(default_factory=list)

    def start(self) -> ThreadingHTTPServer:
        web = self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                web.came.append((self.path, self.headers["X-Forwarded-For"], body))
                if web.status is None:
                    # Killed in the middle of it.
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(web.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Answering)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@dataclass(frozen=True)
class Proxy:
    """A running nginx and the two that it speaks to."""

    webs: tuple[Web, Web]
    client: httpx.Client
    plain: str
    folder: Path

    def came(self) -> list[tuple[str, str, bytes]]:
        return [one for web in self.webs for one in web.came]


def certificate(folder: Path) -> ssl.SSLContext:
    """Of this test alone; the context that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "siang.example.la")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


def configured(folder: Path, webs: tuple[Web, Web]) -> tuple[int, int]:
    """The shipped files with this test's folders and ports; the ports for HTTPS and HTTP."""
    https, http = free_port(), free_port()
    changes = {
        "/etc/ssl/siang": str(folder),
        "/var/log/nginx": str(folder),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "listen 443": f"listen 127.0.0.1:{https}",
        "listen [::]:443": f"listen [::1]:{https}",
        "listen 80": f"listen 127.0.0.1:{http}",
        "listen [::]:80": f"listen [::1]:{http}",
        "127.0.0.1:8001": f"127.0.0.1:{webs[0].port}",
        "127.0.0.1:8002": f"127.0.0.1:{webs[1].port}",
        "worker_processes auto": "worker_processes 1",
    }
    for path in FILES.iterdir():
        text = path.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        # A machine without IPv6 is no reason to fail.
        text = re.sub(r"\n *listen \[::1\].*;", "", text)
        (folder / path.name).write_text(text)
    return https, http


def nginx(folder: Path, *more: str) -> list[str]:
    return [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), *more]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    # Its workers are another account's.
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)
    webs = (Web(), Web())
    servers = [web.start() for web in webs]
    context = certificate(folder)
    https, http = configured(folder, webs)
    checked = subprocess.run(nginx(folder, "-t"), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(nginx(folder, "-g", "daemon off;"))
    try:
        with httpx.Client(base_url=f"https://localhost:{https}", verify=context) as client:
            wait_until_open(https)
            yield Proxy(webs, client, f"http://127.0.0.1:{http}", folder)
    finally:
        process.terminate()
        process.wait(10)
        for server in servers:
            server.shutdown()
            server.server_close()


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def proxy(running: Proxy) -> Proxy:
    for web in running.webs:
        web.status = 200
        web.came.clear()
    return running


def test_a_gateway_gets_through_and_what_it_says_of_its_address_is_not_believed(
    proxy: Proxy,
) -> None:
    said = {"X-Forwarded-For": "203.0.113.9"}
    assert proxy.client.post(HOOK, content=b"body", headers=said).status_code == 200
    assert proxy.came() == [(HOOK, "127.0.0.1", b"body")]


@pytest.mark.parametrize("path", ["/phone", "/phone/inbox", "/metrics", "/health/live", "/", "/x"])
def test_what_is_not_for_outside_is_closed(proxy: Proxy, path: str) -> None:
    assert proxy.client.get(path).status_code == 404
    assert proxy.client.post(f"/channels/..{path}").status_code == 404
    assert not proxy.came()


def test_a_post_to_a_web_process_that_dies_goes_to_the_other(proxy: Proxy) -> None:
    proxy.webs[0].status = None
    answers = {proxy.client.post(HOOK, content=b"x").status_code for _ in range(6)}
    assert answers == {200}
    assert len(proxy.webs[1].came) == 6
    assert proxy.webs[0].came, "the first was never asked, so nothing was proved"


def test_a_web_process_that_can_keep_nothing_is_passed_over(proxy: Proxy) -> None:
    proxy.webs[1].status = 503
    assert {proxy.client.post(HOOK).status_code for _ in range(6)} == {200}


def test_both_failing_for_a_moment_are_asked_again_at_once(proxy: Proxy) -> None:
    for web in proxy.webs:
        web.status = None
    assert {proxy.client.post(HOOK).status_code for _ in range(4)} == {502}
    for web in proxy.webs:
        web.status = 200
    assert proxy.client.post(HOOK).status_code == 200


def test_a_refusal_is_handed_back_as_it_is(proxy: Proxy) -> None:
    for web in proxy.webs:
        web.status = 403
    assert proxy.client.post(HOOK).status_code == 403
    assert len(proxy.came()) == 1


def test_a_long_lao_sms_fits_the_address(proxy: Proxy) -> None:
    assert proxy.client.get(HOOK + "%E0%BA%81" * 670).status_code == 200
    assert proxy.client.post(HOOK, content=b"x" * 256 * 1024).status_code == 200
    assert proxy.client.post(HOOK, content=b"x" * (256 * 1024 + 1)).status_code == 413


def test_without_tls_nothing_is_answered(proxy: Proxy) -> None:
    assert httpx.post(proxy.plain + HOOK).status_code == 404
    assert not proxy.came()


def test_no_token_number_or_text_is_in_the_logs(proxy: Proxy) -> None:
    for web in proxy.webs:
        web.status = None
    assert proxy.client.post(HOOK + "words", content=b"words").status_code == 502
    httpx.get(proxy.plain + HOOK)
    logs = "".join(one.read_text() for one in proxy.folder.glob("*.log"))
    assert "/channels/kannel/sms 502" in logs
    assert not re.search("secret-token|2055512345|words", logs)
