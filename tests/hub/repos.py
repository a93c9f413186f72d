"""The repositories that the tests' hub serves: plain folders, seen as commits.

    ROOT/{models,datasets}/ORG/NAME/REVISION/files...   one folder a revision, slashes as %2F; `main` is one
    ROOT/{models,datasets}/ORG/NAME/hub.json            optional: {"gated": true} or {"private": true}
    ROOT/swh/content/ID                                 Software Heritage's objects, gzip
    ROOT/web/...                                        files of a server that is no hub

A revision's commit is the SHA-1 of its listing, so it changes whenever a file does. Files of LFS_FROM bytes and
more are LFS files, known by their SHA-256; smaller ones are git blobs, known by the SHA-1 that git gives them.
"""

import hashlib
import json
import os
import threading
import urllib.parse

LFS_FROM = 1024


class Entry:
    """One file of a repository."""

    def __init__(self, path, file):
        self.path, self.file = path, file
        with open(file, "rb") as f:
            content = f.read()
        self.size = len(content)
        self.git = hashlib.sha1(b"blob %d\0" % self.size + content).hexdigest()
        self.sha256 = hashlib.sha256(content).hexdigest() if self.size >= LFS_FROM else None
        self.etag = self.sha256 or self.git

    def listed(self):
        entry = {"type": "file", "oid": self.git, "size": self.size, "path": self.path}
        if self.sha256:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return entry


class Repo:
    def __init__(self, kind, name, folder):
        self.kind, self.name, self.folder = kind, name, folder
        self.entries = {}           # (path on disk, size, time): Entry
        self.history = {}           # commit: its listing, of commits that another was made upon (uploads.py)
        self.lock = threading.Lock()
        self.settings = {}
        settings = os.path.join(folder, "hub.json")
        if os.path.exists(settings):
            with open(settings) as f:
                self.settings = json.load(f)

    def revisions(self):
        return [d for d in sorted(os.listdir(self.folder)) if os.path.isdir(os.path.join(self.folder, d))]

    def files(self, revision):
        """{path: Entry} of a revision's folder, sorted by path."""
        top, found = os.path.join(self.folder, revision), {}
        for at, folders, names in os.walk(top):
            folders.sort()
            for name in names:
                file = os.path.join(at, name)
                stat = os.stat(file)
                key = file, stat.st_size, stat.st_mtime_ns
                with self.lock:
                    if key not in self.entries:
                        self.entries[key] = Entry(os.path.relpath(file, top), file)
                    found[os.path.relpath(file, top)] = self.entries[key]
        return dict(sorted(found.items()))

    def commit(self, revision):
        listing = json.dumps([e.listed() for e in self.files(revision).values()])
        return hashlib.sha1(listing.encode()).hexdigest()

    def resolve(self, revision):
        """(commit, files) of a branch's name or a commit, or None."""
        for r in self.revisions():
            commit = self.commit(r)
            if revision in (urllib.parse.unquote(r), commit):
                return commit, self.files(r)
        return (revision, self.history[revision]) if revision in self.history else None


class Repos:
    def __init__(self, root):
        self.root, self.known = root, {}

    def find(self, kind, name):
        folder = os.path.join(self.root, kind, name)
        if not os.path.isdir(folder) or ".." in name:
            return None
        if folder not in self.known:
            self.known[folder] = Repo(kind, name, folder)
        return self.known[folder]


def tree(files, path, recursive):
    """What the hub's tree listing says of a folder; None when there is no such folder."""
    prefix = path + "/" if path else ""
    inside = {p: e for p, e in files.items() if p.startswith(prefix)}
    if path and not inside:
        return None
    entries, folders = [], set()
    for p, entry in inside.items():
        parts = p[len(prefix):].split("/")
        depth = len(parts) if recursive else min(len(parts), 2)
        for n in range(1, depth):
            folder = prefix + "/".join(parts[:n])
            if folder not in folders:
                folders.add(folder)
                oid = hashlib.sha1(folder.encode()).hexdigest()
                entries.append({"type": "directory", "oid": oid, "size": 0, "path": folder})
        if recursive or len(parts) == 1:
            entries.append(entry.listed())
    return entries
