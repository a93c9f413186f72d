#!/usr/bin/env python3
"""A hub for tests: the parts of the Hugging Face Hub that a download touches, and every way in which they can fail.

    hub.py ROOT --ready FILE [--control FILE] [--log FILE] [--certificates DIR] [--page N]

Serves the repositories below ROOT (repos.py) on 127.0.0.1, at a port of its own choice. FILE says which, in the words
of a shell, once the hub can be reached: PORT=..., and with --certificates (certificates.sh) TLS_GOOD=...,
TLS_WRONG_HOST=... and TLS_EXPIRED=... for https.

The API answers to the host 127.0.0.1 alone. LFS files are redirected to another host, localhost, with a signed
URL that ends after SIGNED_SECONDS; that host refuses requests with a token, as the storage behind the hub does.
A token of a gated or private repository must be TOKEN. Misbehaviour: faults.py. --log gets a JSON object a request,
--traffic all that clients send: headers but the token's own, and bodies, with what is base64 in them decoded.
Uploads: uploads.py; --part BYTES asks for large files in parts of that size.
"""

import argparse
import hmac
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from faults import Faults
from keys import READ_TOKEN, SIGNED_SECONDS, TOKEN, signature
from repos import Repos, tree
from uploads import Uploads

BLOCK = 1 << 16

RESOLVE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+?)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?")


class Hub(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, args, tls=None):
        super().__init__(("127.0.0.1", 0), Request)
        self.args = args
        self.scheme = "https" if tls else "http"
        self.repos, self.faults = args.repos, args.faults
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{args.certificates}/{tls}.pem")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, client_address):
        """Clients of this hub end a connection when they like: that is no news."""


class Request(Uploads, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "tests-hub", ""
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self):
        self.status, self.sent = 0, 0
        url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        path = re.sub(r"/refs/(convert|pr)/", r"/refs%2F\1%2F", urllib.parse.unquote(url.path))
        try:
            if self.receive():
                self.route(path)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            self.close_connection = True
        self.record(path)

    do_HEAD = do_GET = do_POST = do_PUT = answer

    def record(self, path):
        if not self.server.args.log:
            return
        line = {"method": self.command, "host": self.headers.get("Host", ""), "path": path, "status": self.status,
                "range": self.headers.get("Range"), "if_range": self.headers.get("If-Range"),
                "token": self.headers.get("Authorization"), "sent": self.sent}
        with self.server.args.log_lock, open(self.server.args.log, "a") as f:
            f.write(json.dumps(line) + "\n")

    # --- which part of the hub is asked ------------------------------------------------------------------------

    def route(self, path):
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if path.startswith("/repos/"):
            return self.cdn(path[len("/repos/"):]) if host == "localhost" else self.error(403, "AccessDenied")
        if path.startswith("/web/"):
            return self.plain("web", path[len("/web/"):], os.path.join(self.server.args.root, path[1:]))
        if path.startswith("/content/"):
            return self.plain("swh", path[1:], os.path.join(self.server.args.root, "swh", path[1:]))
        if path.startswith("/upload/"):
            return self.put(path) if host == "localhost" else self.error(403, "AccessDenied")
        if host != "127.0.0.1":
            return self.error(421, "WrongHost")
        if self.command == "POST" and self.upload(path):
            return None
        if match := RESOLVE.fullmatch(path):
            return self.resolve(match[1] or "models", *match.groups()[1:])
        if match := API.fullmatch(path):
            return self.api(path, *match.groups())
        self.error(404, "RepoNotFound", "Repository not found")

    def repo(self, kind, name):
        """The repository, if it is there and the token opens it; else the error is sent."""
        given = self.headers.get("Authorization")
        if given not in (None, f"Bearer {TOKEN}", f"Bearer {READ_TOKEN}"):
            return self.error(401, None, "Invalid credentials in Authorization header")
        repo = self.server.repos.find(kind, name)
        if repo is None or repo.settings.get("private") and not given:
            return self.error(401 if not given else 404, "RepoNotFound", "Repository not found")
        if repo.settings.get("gated") and not (given and repo.settings["gated"] != "refused"):
            status = 403 if given else 401
            return self.error(status, "GatedRepo", f"Access to {kind[:-1]} {name} is restricted.")
        return repo

    def api(self, path, kind, name, verb, revision, folder):
        rule = self.server.faults.find("api", path)
        if rule and self.spoil(rule):
            return None
        repo = self.repo(kind, name)
        if repo is None:
            return None
        found = repo.resolve(urllib.parse.unquote(revision or "main"))
        if found is None:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit, files = found
        if verb == "tree":
            return self.tree(rule, files, folder or "")
        if verb == "paths-info":
            return self.paths_info(files)
        siblings = [{"rfilename": p} for p in files]
        return self.json({"_id": commit[:24], "id": name, "sha": commit, "private": bool(repo.settings.get("private")), "gated": False,
                          "disabled": False, "downloads": 0, "likes": 0, "tags": [], "siblings": siblings})

    def tree(self, rule, files, folder):
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = tree(files, folder.strip("/"), recursive)
        if entries is None:
            return self.error(404, "EntryNotFound", f"{folder} does not exist")
        fault = rule and rule["fault"]
        if fault == "names":
            entries.append({"type": "file", "oid": "0" * 40, "size": 5, "path": rule["name"]})
        page = self.server.args.page
        cursor = int(self.query.get("cursor", ["0"])[0])
        headers = {}
        if cursor + page < len(entries) or fault == "pages":
            url = urllib.parse.urlsplit(self.path)
            query = {k: v[0] for k, v in self.query.items()}
            query["cursor"] = 0 if fault == "pages" else cursor + page
            address = f"{self.server.scheme}://{self.headers['Host']}{url.path}?{urllib.parse.urlencode(query)}"
            headers["Link"] = f'<{address}>; rel="next"'
        return self.json(entries[cursor:cursor + page], headers)

    def paths_info(self, files):
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(self.posted)["paths"]
        else:
            paths = urllib.parse.parse_qs(self.posted.decode()).get("paths", [])
        found = [files[p].listed() for p in paths if p in files]
        for p in paths:
            if p not in files and tree(files, p, False):
                found.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": p})
        return self.json(found)

    def resolve(self, kind, name, revision, path):
        rule = self.server.faults.find("resolve", path)
        if rule and self.spoil(rule):
            return None
        repo = self.repo(kind, name)
        if repo is None:
            return None
        found = repo.resolve(urllib.parse.unquote(revision))
        if found is None:
            return self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit, files = found
        entry = files.get(path)
        if entry is None:
            return self.error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit}
        if not entry.sha256:
            return self.file(rule, entry.file, entry.etag, headers)
        fault = rule and rule["fault"]
        linked = "f" * 64 if fault == "etag" else entry.sha256
        headers |= {"X-Linked-Etag": f'"{linked}"', "X-Linked-Size": str(entry.size)}
        expires = int(time.time()) + (-5 if fault == "expired" else SIGNED_SECONDS)
        query = urllib.parse.urlencode({"path": f"{kind}/{name}/{path}", "Expires": expires,
                                        "Signature": signature(entry.sha256, f"{kind}/{name}/{path}", expires)})
        port = self.server.server_address[1]
        location = f"{self.server.scheme}://localhost:{port}/repos/{entry.sha256}?{query}"
        return self.send(302, {**headers, "Location": location, "Content-Type": "text/plain"}, b"Found")

    def cdn(self, digest):
        path = self.query.get("path", [""])[0]
        expires = self.query.get("Expires", ["0"])[0]
        kind, org, name, inside = path.split("/", 3)
        rule = self.server.faults.find("cdn", inside)
        if rule and self.spoil(rule):
            return None
        if self.headers.get("Authorization"):
            return self.error(400, "InvalidArgument", "Only one auth mechanism allowed")
        right = hmac.compare_digest(self.query.get("Signature", [""])[0], signature(digest, path, expires))
        if not right or time.time() > int(expires):
            return self.error(403, "AccessDenied", "Request has expired")
        repo = self.server.repos.find(kind, f"{org}/{name}")
        for revision in repo.revisions():
            for entry in repo.files(revision).values():
                if entry.sha256 == digest:
                    return self.file(rule, entry.file, f"cdn-{digest[:32]}", {})
        return self.error(404, "NoSuchKey")

    def plain(self, where, path, file):
        rule = self.server.faults.find(where, path)
        if rule and self.spoil(rule):
            return None
        if ".." in path or not os.path.isfile(file):
            return self.error(404, "NoSuchKey")
        stat = os.stat(file)
        return self.file(rule, file, f"{stat.st_mtime_ns:x}-{stat.st_size:x}", {})

    # --- faults ------------------------------------------------------------------------------------------------

    def spoil(self, rule):
        """Answers in place of the hub where the fault asks for no file. True: done."""
        fault = rule["fault"]
        if fault == "status":
            self.send(rule["code"], rule.get("headers", {}), rule.get("text", "").encode())
        elif fault == "redirect":
            port = str(self.server.server_address[1])
            self.send(302, {"Location": rule["to"].replace("PORT", port)}, b"")
        elif fault == "body":
            self.send(200, rule.get("headers", {"ETag": '"body"'}), rule["text"].encode())
        elif fault == "cut" and rule["at"] < 0:
            self.hang_up()
        else:
            return False
        return True

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    # --- answers -----------------------------------------------------------------------------------------------

    def head(self, status, headers):
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, status, headers, body):
        self.head(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.write(body)

    def write(self, data):
        self.wfile.write(data)
        self.sent += len(data)

    def json(self, value, headers=None):
        self.send(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())

    def error(self, status, code, message="", headers=None):
        headers = dict(headers or {})
        if code:
            headers["X-Error-Code"] = code
        if message:
            headers["X-Error-Message"] = message
        self.send(status, headers, json.dumps({"error": message}).encode())

    def wanted(self, size, rule):
        """(status, first, end) of what the Range header asks for; None: beyond the file."""
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not match or rule and rule["fault"] == "no-range" or match[0] == "bytes=-":
            return 200, 0, size
        if match[1] == "":
            return 206, max(0, size - int(match[2])), size
        first, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
        return (206, first, end) if first < end else None

    def file(self, rule, name, etag, headers):
        with open(name, "rb") as f:
            self.body(rule, f, os.fstat(f.fileno()).st_size, etag, headers)

    def body(self, rule, f, size, etag, headers):
        fault = rule and rule["fault"]
        if fault == "etag":
            etag = "another-" + etag
        wanted = self.wanted(size, rule)
        if_range = self.headers.get("If-Range")
        if if_range and if_range != f'"{etag}"':
            wanted = 200, 0, size
        headers = {**headers, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if wanted is None:
            return self.send(416, {**headers, "Content-Range": f"bytes */{size}"}, b"")
        status, first, end = wanted
        if status == 206 and fault == "range-shift":
            first = min(first + 1, end)
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
        length = end - first + (rule["by"] if fault == "length" else 0)
        if fault == "endless":
            length = rule.get("length")
        headers["Content-Length"] = str(length) if length is not None else None
        if length is None:
            headers |= {"Connection": "close"}
        self.head(status, {k: v for k, v in headers.items() if v is not None})
        if self.command == "HEAD":
            return None
        f.seek(first)
        return self.stream(rule, f, first, end)

    def stream(self, rule, f, first, end):
        fault = rule and rule["fault"]
        if fault is None or fault in ("no-range", "range-shift"):
            if self.server.scheme == "http":
                self.wfile.flush()
                self.sent += self.connection.sendfile(f, first, end - first) if end > first else 0
            else:
                while data := f.read(min(BLOCK, end - f.tell())):
                    self.write(data)
            return
        data = bytearray(f.read(end - first))
        if fault == "cut":
            self.write(data[:rule["at"]])
            self.hang_up()
        elif fault == "length":
            self.write((data + b"\0" * max(rule["by"], 0))[:len(data) + rule["by"]])
        elif fault == "endless":
            self.write(data)
            while True:
                self.write(b"and on and on " * 4096)
        elif fault == "drip":
            for byte in data:
                self.write(bytes([byte]))
                time.sleep(rule["seconds"])
        elif fault == "slow":
            step = max(1, rule["rate"] // 50)
            for at in range(0, len(data), step):
                self.write(data[at:at + step])
                time.sleep(step / rule["rate"])
        else:
            if fault == "hash" and 0 <= rule["at"] - first < len(data):
                data[rule["at"] - first] ^= 1
            if fault == "etag":
                data = data[::-1]
            self.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--ready", required=True)
    parser.add_argument("--control")
    parser.add_argument("--log")
    parser.add_argument("--certificates")
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--traffic")
    parser.add_argument("--part", type=int)
    args = parser.parse_args()
    args.repos, args.faults, args.log_lock = Repos(args.root), Faults(args.control), threading.Lock()
    hubs = {"PORT": Hub(args)}
    if args.certificates:
        for tls in ("good", "wrong-host", "expired"):
            hubs[f"TLS_{tls.replace('-', '_').upper()}"] = Hub(args, tls)
    for hub in hubs.values():
        threading.Thread(target=hub.serve_forever, daemon=True).start()
    with open(args.ready + ".tmp", "w") as f:
        f.writelines(f"{name}={hub.server_address[1]}\n" for name, hub in hubs.items())
    os.rename(args.ready + ".tmp", args.ready)
    try:
        while os.getppid() != 1:        # whoever started the hub is gone: so is the hub
            time.sleep(0.5)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
