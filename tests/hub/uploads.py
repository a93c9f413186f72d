"""The uploads that the tests' hub takes: new repositories, large files in one piece or in parts, commits.

    POST /api/repos/create                  a folder below ROOT, with the .gitattributes that the hub begins with
    POST /api/validate-yaml                 a card's metadata (metadata.py)
    POST /api/models/ORG/NAME/preupload/main        files of LFS_FROM bytes and more are large
    POST /ORG/NAME.git/info/lfs/objects/batch       nothing to do for what ROOT/lfs/SHA256 has
    PUT  /upload/SHA256[/PART]              at the storage host, behind a signed address; kept as SHA256.part-N
    POST /api/join/SHA256                   parts become one
    POST /ORG/NAME.git/info/lfs/verify      SHA256 is computed; content that has another one is thrown away
    POST /api/models/ORG/NAME/commit/main   all files or none; on top of parentCommit where it is given, or 412

Each commit is a line of ROOT/models/ORG/NAME/commits.jsonl. Writing needs TOKEN; READ_TOKEN may only read.
"""

import base64
import glob
import hashlib
import json
import math
import os
import re
import threading
import time
import urllib.parse

import metadata
from keys import READ_TOKEN, SIGNED_SECONDS, TOKEN, signature
from repos import LFS_FROM

ACTION = re.compile(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main")
LFS = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/(objects/batch|verify)")
JOIN = re.compile(r"/api/join/([0-9a-f]{64})")
GITATTRIBUTES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
lock = threading.Lock()


def flipped(data):
    return bytes([data[0] ^ 1]) + data[1:] if data else data


class Uploads:
    """The part of a request's handler that reads what is sent, and answers everything that changes the hub."""

    def receive(self):
        """Reads what is sent. False: a fault ended the connection in the midst of it."""
        length = int(self.headers.get("Content-Length") or 0)
        path = urllib.parse.urlsplit(self.path).path
        self.rule = self.server.faults.find("put", path) if self.command == "PUT" else None
        cut = self.rule and self.rule["fault"] == "unread"
        self.posted = self.rfile.read(min(length, self.rule["at"]) if cut else length)
        if self.server.args.traffic:
            self.keep_traffic()
        if cut:
            self.hang_up()
        return not cut

    def keep_traffic(self):
        headers = "".join(f"{k}: {v}\n" for k, v in self.headers.items() if k.lower() != "authorization")
        text = f"== {self.command} {self.path}\n{headers}\n".encode() + self.posted + b"\n"
        for encoded in re.findall(rb'"(?:content|sample)": ?"([A-Za-z0-9+/=]*)"', self.posted):
            text += base64.b64decode(encoded) + b"\n"
        with self.server.args.log_lock, open(self.server.args.traffic, "ab") as f:
            f.write(text)

    def may_write(self):
        given = self.headers.get("Authorization")
        if given == f"Bearer {TOKEN}":
            return True
        if given == f"Bearer {READ_TOKEN}":
            self.error(403, None, "you don't have the rights to write with this token")
        else:
            self.error(401, None, "Invalid credentials in Authorization header")
        return False

    def upload(self, path):
        """Answers where the path is one of an upload's. False: it is not."""
        action, lfs, join = ACTION.fullmatch(path), LFS.fullmatch(path), JOIN.fullmatch(path)
        if path == "/api/repos/create":
            where, answer = "create", self.create
        elif path == "/api/validate-yaml":
            where, answer = "metadata", self.validate
        elif action:
            where, name = action[2], action[1]
            answer = lambda: getattr(self, where)(name)
        elif lfs:
            where, name = "verify" if lfs[2] == "verify" else "batch", lfs[1]
            answer = lambda: getattr(self, where)(name)
        elif join:
            where = "join"
            answer = lambda: self.join(join[1])
        else:
            return False
        self.rule = self.server.faults.find(where, path)
        if self.rule and self.spoil(self.rule):
            return True
        if where not in ("join", "metadata") and not self.may_write():
            return True
        answer()
        return True

    def finish(self, value):
        """The answer to what was done, unless it is to be lost."""
        if self.rule and self.rule["fault"] == "lost":
            return self.hang_up()
        return self.json(value)

    # --- repositories ------------------------------------------------------------------------------------------

    def create(self):
        asked = json.loads(self.posted)
        name = f"{asked['organization']}/{asked['name']}"
        if asked["organization"] == "others":
            return self.error(403, None, "You don't have the rights to create a model under the namespace others")
        top = os.path.join(self.server.args.root, "models", name)
        with lock:
            if os.path.isdir(top):
                return self.error(409, None, "You already created this model repo")
            os.makedirs(top + ".new/main")
            with open(top + ".new/main/.gitattributes", "w") as f:
                f.write(GITATTRIBUTES)
            with open(top + ".new/hub.json", "w") as f:
                private = asked.get("private") or asked.get("visibility") == "private"
                json.dump({"private": bool(private) and not (self.rule and self.rule["fault"] == "open")}, f)
            os.rename(top + ".new", top)
        return self.finish({"url": f"http://{self.headers['Host']}/{name}", "name": name})

    def validate(self):
        wrong = metadata.errors(json.loads(self.posted)["content"])
        if not wrong:
            return self.finish({"errors": [], "warnings": []})
        body = json.dumps({"errors": [{"message": w} for w in wrong], "warnings": [], "error": "; ".join(wrong)})
        return self.send(400, {"X-Error-Message": f"Invalid metadata in README.md: {wrong[0]}"}, body.encode())

    def preupload(self, name):
        if self.repo("models", name) is None:
            return None
        files = json.loads(self.posted)["files"]
        for f in files:
            assert base64.b64decode(f["sample"], validate=True) is not None and len(f["sample"]) <= 684
        return self.finish({"files": [{"path": f["path"], "shouldIgnore": False,
                                       "uploadMode": "lfs" if f["size"] >= LFS_FROM else "regular"} for f in files]})

    # --- large files -------------------------------------------------------------------------------------------

    def stored(self, digest):
        return os.path.join(self.server.args.root, "lfs", digest)

    def storage_url(self, digest, part):
        expires = int(time.time()) + (-5 if self.rule and self.rule["fault"] == "expired" else SIGNED_SECONDS)
        path = f"/upload/{digest}" + (f"/{part}" if part else "")
        query = urllib.parse.urlencode({"uploadId": self.upload_id(digest), "Expires": expires,
                                        "Signature": signature(digest, path, expires)})
        return f"{self.server.scheme}://localhost:{self.server.server_address[1]}{path}?{query}"

    def upload_id(self, digest):
        """The upload that parts of a file belong to; the rule "another upload" begins a new one, without the parts of before."""
        file = self.stored(digest) + ".upload"
        with lock:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            before = int(open(file).read()) if os.path.exists(file) else 1
            if self.rule and self.rule["fault"] == "another-upload":
                for part in glob.glob(self.stored(digest) + ".part-*"):
                    os.unlink(part)
                before += 1
                self.rule = None
            with open(file, "w") as f:
                f.write(str(before))
        return f"{before}-{digest[:8]}"

    def batch(self, name):
        if self.repo("models", name) is None:
            return None
        asked = json.loads(self.posted)
        assert asked["operation"] == "upload" and asked["hash_algo"] == "sha256", asked
        size, here = self.server.args.part, f"{self.server.scheme}://{self.headers['Host']}"
        objects = []
        for o in asked["objects"]:
            if os.path.exists(self.stored(o["oid"])):
                objects.append(o)
                continue
            if size and o["size"] > size:
                header = {str(n + 1): self.storage_url(o["oid"], n + 1) for n in range(math.ceil(o["size"] / size))}
                if self.rule and self.rule["fault"] == "part-size":
                    header["chunk_size"] = self.rule["size"]
                upload = {"href": f"{here}/api/join/{o['oid']}", "header": {"chunk_size": str(size), **header}}
            else:
                upload = {"href": self.storage_url(o["oid"], 0)}
            verify = {"href": f"{here}/{name}.git/info/lfs/verify"}
            objects.append({**o, "authenticated": True, "actions": {"upload": upload, "verify": verify}})
        return self.finish({"transfer": "multipart" if size else "basic", "objects": objects})

    def put(self, path):
        if self.rule and self.spoil(self.rule):
            return None
        digest = path.split("/")[2]
        expires = self.query.get("Expires", ["0"])[0]
        if self.headers.get("Authorization"):
            return self.error(400, "InvalidArgument", "Only one auth mechanism allowed")
        if self.query.get("Signature", [""])[0] != signature(digest, path, expires) or time.time() > int(expires):
            return self.error(403, "AccessDenied", "Request has expired")
        part = path.split("/")[3] if path.count("/") == 3 else "0"
        data = flipped(self.posted) if self.rule and self.rule["fault"] == "flip" else self.posted
        os.makedirs(os.path.join(self.server.args.root, "lfs"), exist_ok=True)
        file = self.stored(digest) + f".part-{part}"
        with open(f"{file}.{threading.get_ident()}", "wb") as f:
            f.write(data)
        os.rename(f"{file}.{threading.get_ident()}", file)
        if self.rule and self.rule["fault"] == "lost":
            return self.hang_up()
        return self.send(200, {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}, b"")

    def join(self, digest):
        asked = json.loads(self.posted)
        assert asked["oid"] == digest
        whole = b""
        for n, part in enumerate(asked["parts"]):
            file = f"{self.stored(digest)}.part-{n + 1}"
            data = open(file, "rb").read() if os.path.exists(file) else b""
            if part != {"partNumber": n + 1, "etag": f'"{hashlib.md5(data).hexdigest()}"'}:
                return self.error(400, "InvalidPart", f"part {n + 1} is another one")
            whole += data
        with open(f"{self.stored(digest)}.part-0", "wb") as f:
            f.write(whole)
        return self.finish({"success": True})

    def verify(self, name):
        asked = json.loads(self.posted)
        file = self.stored(asked["oid"])
        with lock:
            if os.path.exists(file):
                return self.finish({})
            if not os.path.exists(file + ".part-0"):
                return self.error(404, None, "Object not found")
            with open(file + ".part-0", "rb") as f:
                data = f.read()
            if hashlib.sha256(data).hexdigest() != asked["oid"] or len(data) != asked["size"]:
                os.unlink(file + ".part-0")
                return self.error(422, None, "the content has another hash")
            os.rename(file + ".part-0", file)
        return self.finish({})

    # --- commits -----------------------------------------------------------------------------------------------

    def commit(self, name):
        repo = self.repo("models", name)
        if repo is None:
            return None
        lines = [json.loads(line) for line in self.posted.splitlines()]
        header, files = lines[0]["value"], [(line["key"], line["value"]) for line in lines[1:]]
        with lock:
            if self.rule and self.rule["fault"] == "overtaken":
                with open(os.path.join(repo.folder, "main", "somebody.txt"), "w") as f:
                    f.write(f"{time.time_ns()}\n")
            before = repo.commit("main")
            if header.get("parentCommit", before) != before:
                return self.error(412, None, "A commit has happened since. Please refresh and try again.")
            repo.history[before] = repo.files("main")
            contents = {}
            for kind, f in files:
                if kind == "file":
                    contents[f["path"]] = base64.b64decode(f["content"], validate=True)
                    continue
                if not os.path.exists(self.stored(f["oid"])):
                    return self.error(400, None, f"{f['path']}: the large file is not there")
                with open(self.stored(f["oid"]), "rb") as stored:
                    contents[f["path"]] = stored.read()
            for path, content in contents.items():
                file = os.path.join(repo.folder, "main", path)
                os.makedirs(os.path.dirname(file), exist_ok=True)
                with open(file + ".new", "wb") as f:
                    f.write(content)
                os.rename(file + ".new", file)
            after = repo.commit("main")
            with open(os.path.join(repo.folder, "commits.jsonl"), "a") as f:
                f.write(json.dumps({"parent": before, "commit": after, "summary": header["summary"],
                                    "paths": sorted(contents)}) + "\n")
        return self.finish({"success": True, "commitOid": after, "commitUrl": f"/{name}/commit/{after}"})
