"""Misbehaviour on request: which answers of the tests' hub are wrong, and how.

The control file is a JSON list of rules, read again whenever it changes:

    [{"where": "cdn", "path": "data/*.jsonl", "fault": "cut", "at": 100, "times": 1}]

    where   api, resolve, cdn, swh or web: the kind of request; of an upload create, preupload, batch, put, join, verify or
            commit (uploads.py)
    path    a pattern over the path within the repository (the whole path for api, swh, web and uploads); * crosses slashes
    times   how many requests of each path are hit (default: all); skip: how many are left alone first
    fault   one of FAULTS, which says what the other keys of the rule mean
"""

import fnmatch
import json
import os
import threading

FAULTS = {
    "status": "answer with `code`; headers: `headers` {name: value}",
    "cut": "close the connection `at` bytes into the body (-1: before any header)",
    "no-range": "ignore Range and send the whole file with 200",
    "range-shift": "answer a Range with 206 from one byte further on",
    "etag": "another ETag and other content of the same length",
    "length": "a Content-Length, and a body, that is `by` bytes longer (or shorter, when negative)",
    "hash": "flip the lowest bit of byte `at`",
    "endless": "a body without end; with `length`: behind a Content-Length of that",
    "drip": "one byte every `seconds`",
    "slow": "no more than `rate` bytes a second",
    "expired": "a signed URL that has expired already",
    "redirect": "redirect to `to`",
    "body": "a body of `text`, whatever was asked for",
    "names": "list a file with the name `name`",
    "pages": "a listing whose pages never end",
    "unread": "close the connection after `at` bytes of what is sent",
    "lost": "do what is asked for, and close the connection in place of an answer",
    "flip": "flip the lowest bit of what is sent",
    "another-upload": "begin the upload of a file's parts anew",
    "part-size": "ask for parts of `size`",
    "open": "make a repository public that was to be private",
    "overtaken": "somebody else's commit comes first",
}


class Faults:
    def __init__(self, file):
        self.file, self.stamp, self.rules, self.hits = file, None, [], {}
        self.lock = threading.Lock()

    def find(self, where, path):
        """The rule that hits this request, or None."""
        with self.lock:
            self.read()
            for i, rule in enumerate(self.rules):
                if rule["where"] != where or not fnmatch.fnmatchcase(path, rule.get("path", "*")):
                    continue
                n = self.hits.get((i, path), 0)
                self.hits[i, path] = n + 1
                skip = rule.get("skip", 0)
                if skip <= n < skip + rule.get("times", 1 << 60):
                    return rule
        return None

    def read(self):
        if not self.file or not os.path.exists(self.file):
            self.rules = []
            return
        stat = os.stat(self.file)
        stamp = stat.st_mtime_ns, stat.st_ino, stat.st_size
        if stamp == self.stamp:
            return
        with open(self.file) as f:
            rules = json.load(f)
        for rule in rules:
            if rule["fault"] not in FAULTS:
                raise ValueError(f"{self.file}: no such fault: {rule['fault']}")
        self.stamp, self.rules, self.hits = stamp, rules, {}
