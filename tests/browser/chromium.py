"""Drives a headless Chromium over its DevTools protocol; only what the page tests need."""

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--no-first-run", "--mute-audio", "--remote-debugging-port=0",
)  # fmt: skip
_STARTS_WITHIN_S = 30.0
_ANSWERS_WITHIN_S = 20.0


class PageError(AssertionError):
    """A script that a test ran in the page threw."""


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []
        """What the page wrote to its console as an error, policy violations included."""

    async def listen(self) -> None:
        """Hand out answers and collect errors until the tab closes."""
        async for raw in self._socket:
            message = json.loads(raw)
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif message["method"] == "Log.entryAdded":
                entry = message["params"]["entry"]
                if entry["level"] == "error":
                    self.errors.append(entry["text"])
            elif message["method"] == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.errors.append(str(details.get("exception", details).get("description")))

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        """Send one command; the value is its result."""
        number = next(self._ids)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        reply = await asyncio.wait_for(answer, _ANSWERS_WITHIN_S)
        assert "error" not in reply, reply
        result: dict[str, Any] = reply["result"]
        return result

    async def open(self, url: str) -> None:
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'", "the page loads")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = await self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise PageError(result["exceptionDetails"])
        return result["result"].get("value")

    async def until(self, condition: str, what: str, within_s: float = 10.0) -> None:
        """Poll until a JavaScript condition holds."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not await self.run(f"Boolean({condition})"):
            assert asyncio.get_running_loop().time() < deadline, f"in {within_s} s: {what}"
            await asyncio.sleep(0.02)

    async def text(self, selector: str) -> list[str]:
        """The text of every element that matches."""
        query = f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"
        texts: list[str] = await self.run(query)
        return texts

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def type(self, selector: str, text: str) -> None:
        """Focus a field and type into it as a keyboard would."""
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.command("Input.insertText", text=text)

    async def press_enter(self, *, modifiers: int = 0) -> None:
        await self.press("Enter", 13, modifiers=modifiers, text="\r")

    async def press(self, name: str, code: int, *, modifiers: int = 0, text: str = "") -> None:
        """A key, by its name and its Windows code."""
        key = {"key": name, "code": name, "windowsVirtualKeyCode": code, "text": text}
        await self.command("Input.dispatchKeyEvent", type="keyDown", modifiers=modifiers, **key)
        await self.command("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **key)

    async def resize(self, width: int, height: int) -> None:
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    async def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await self.command("Emulation.setEmulatedMedia", features=[feature])

    async def screenshot(self) -> bytes:
        """A PNG of what is visible."""
        shot = await self.command("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A browser of its own with one empty tab."""
    assert EXECUTABLE is not None, "Chromium is installed"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            EXECUTABLE, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_STARTS_WITHIN_S):
                browser = await _address(process)
            async with _tab(browser) as page:
                yield page
        finally:
            process.kill()
            await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        text = line.decode(errors="replace").strip()
        if text.startswith("DevTools listening on "):
            return text.removeprefix("DevTools listening on ")
    raise AssertionError("Chromium started")


@asynccontextmanager
async def _tab(browser: str) -> AsyncIterator[Page]:
    """A page's own socket has the browser's address but for the path."""
    async with connect(browser, max_size=None) as control:
        create = {"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}
        await control.send(json.dumps(create))
        target = json.loads(await control.recv())["result"]["targetId"]
    address = f"{browser.split('/devtools/')[0]}/devtools/page/{target}"
    async with connect(address, max_size=None) as socket:
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        try:
            for domain in ("Page", "Runtime", "Log"):
                await page.command(f"{domain}.enable")
            yield page
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
