"""
serve_page.py ADDRESS FOLDER - the page of `sample --serve` in headless Chromium: a prompt is typed, text comes,
tokens tell their probabilities; pictures go to FOLDER: light, dark, and 360 pixels wide
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time

address, folder = sys.argv[1:3]


class Browser:
    """Chromium by its debugging protocol, over a pipe."""

    def __init__(self, profile):
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        chromium = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--no-first-run", f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        # Chromium reads from descriptor 3 and writes to 4
        self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "-", *chromium],
                                        pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.n, self.text, self.session, self.requests, self.errors = 0, b"", None, [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in "Page", "Network", "Runtime", "Log":
            self.call(domain + ".enable")

    def call(self, method, **params):
        self.n += 1
        message = {"id": self.n, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.text:
                part = os.read(self.back, 1 << 20)
                assert part, "Chromium ended"
                self.text += part
            one, self.text = self.text.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(answer["params"])
            if answer.get("id") == self.n:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        r = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in r, r
        return r["result"].get("value")

    def until(self, script, seconds=20):
        end = time.time() + seconds
        while not self.run(script):
            assert time.time() < end, script
            time.sleep(0.05)

    def size(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, name):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=False)["data"]))
        assert self.run("document.documentElement.scrollWidth <= innerWidth"), f"{name}: wider than the window"


def check(b):
    b.size(1200, 800)
    b.call("Page.navigate", url=address)
    b.until("document.readyState === 'complete' && document.title !== 'Try the model'")
    for hidden in "keyed", "second", "tip":
        assert b.run(f"document.getElementById('{hidden}').getClientRects().length") == 0, f"{hidden} is shown"
    b.run("document.getElementById('prompt').focus(); document.getElementById('prompt').select()")
    b.call("Input.insertText", text="The ")
    b.run("document.getElementById('seed').value = '7'; document.getElementById('tokens').value = 20")
    b.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", modifiers=2, windowsVirtualKeyCode=13)
    b.until("document.querySelector('.state').textContent.includes('seed 7')")
    b.until("document.getElementById('stop').disabled")
    tokens = b.run("document.querySelectorAll('.out:first-child .t').length")
    assert tokens >= 5, tokens
    assert b.run("document.querySelector('.prompt').textContent") == "The "
    x, y = b.run("(r => [r.x + 1, r.y + r.height / 2])(document.querySelectorAll('.t')[2].getClientRects()[0])")
    b.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    b.until("!document.getElementById('tip').hidden && document.querySelectorAll('#tip tr').length >= 5")
    b.picture("light.png")
    b.run("document.getElementById('compare').click()")
    b.run("document.getElementById('form').requestSubmit()")
    b.until("document.querySelectorAll('.out')[1].querySelectorAll('.t').length >= 5 && document.getElementById('stop').disabled")
    b.size(1200, 800, dark=True)
    b.picture("dark.png")
    b.size(360, 740)
    b.picture("phone.png")
    b.run("document.querySelector('.out').scrollIntoView()")
    # a scroll, whose event may come late, hides what a tap shows
    b.until("document.querySelectorAll('.t')[3].click(), !document.getElementById('tip').hidden")
    b.picture("phone-text.png")
    outside = [u for u in b.requests if not u.startswith((address, "data:", "about:"))]
    assert not outside, outside
    assert not b.errors, b.errors


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = Browser(profile)
    try:
        check(browser)
    finally:
        browser.process.terminate()
        browser.process.wait()
