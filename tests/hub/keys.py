"""Who may do what at the tests' hub, and its signed addresses."""

import hashlib
import hmac

TOKEN = "hf_testtoken"
READ_TOKEN = "hf_readingtoken"      # opens what TOKEN opens, and may write nowhere
SIGNED_SECONDS = 60
SECRET = b"the key of the tests' storage host"


def signature(digest, path, expires):
    return hmac.new(SECRET, f"{digest} {path} {expires}".encode(), hashlib.sha256).hexdigest()
