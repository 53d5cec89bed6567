"""A server that speaks the OpenAI protocol: its models, one answer as a stream, and its errors."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from sdpo_tts.errors import SdpoError, SetupError, UserError

KEY = "OPENAI_API_KEY"
WHERE = "--endpoint"
AGAIN = frozenset({408, 409, 425, 429})  # and everything from 500 on: the same request may succeed later
MOST_CHARS = 300  # of a server's own message
CONNECT_S, LIST_S = 10.0, 15.0
THOUGHTS = ("reasoning_content", "reasoning")  # what servers call a thought that they keep apart


class TroubleError(Exception):
    """The server did not answer, or not completely, and may do so later; `wait_s`: when, if it says so."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Piece:
    """Some text of an answer, or of the `thought` before it where the server keeps them apart; `ended` with its end,
    which is `cut` at the limit of tokens; `usage`: (prompt, completion) tokens as the server counted them."""

    text: str = ""
    ended: bool = False
    cut: bool = False
    usage: tuple[int, int] | None = None
    thought: str = ""


@dataclass(frozen=True)
class Server:
    """`url` ends before /chat/completions. The key is read from OPENAI_API_KEY whenever it is needed, and is never
    written to a file or a message. `option` is what the user gave the address with; that of the model is called after
    it."""

    url: str
    model: str
    option: str = WHERE

    @classmethod
    def at(cls, url: str, model: str, option: str = WHERE) -> Server:
        """Raises UserError for an invalid address, or one with a password in it."""
        address = _address(url)
        if address is None or address.scheme not in ("http", "https"):
            raise UserError(f"{url!r} is not an address", where=option, hint="for example http://localhost:11434/v1")
        if address.username or address.password or address.query:
            what = "the address contains a key, and a run records its address"
            raise UserError(what, where=option, hint=f"put the key into the environment variable {KEY}")
        return cls(url.rstrip("/").removesuffix("/chat/completions"), model, option)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def demand_model(self) -> None:
        """Raises UserError if the server lists its models and this one is not among them, and SetupError if it does not
        answer or wants another key."""
        try:
            with httpx2.Client(timeout=LIST_S, headers=_authorised()) as client:
                answer = client.get(f"{self.url}/models")
        except httpx2.RequestError as error:
            raise SetupError(f"no answer: {_said(error)}", where=self.url, hint="is the server running?") from None
        if answer.status_code in (401, 403):
            raise self.refusal(answer.status_code, answer.text)
        names = _names(answer.text) if answer.status_code == 200 else []
        if names and not {self.model, f"{self.model}:latest"} & set(names):
            what = f"the server has no model {self.model!r}" if self.model else "which model?"
            raise UserError(what, where=f"{self.option}-model", hint=_some(names))
        if not self.model:
            raise UserError("which model?", where=f"{self.option}-model", hint="use the server's name for it")

    def client(self) -> httpx2.AsyncClient:
        """For any number of requests at once. The caller decides how long a server may be silent."""
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        timeout = httpx2.Timeout(None, connect=CONNECT_S)
        return httpx2.AsyncClient(timeout=timeout, limits=limits, headers=_authorised())

    async def ask(self, client: httpx2.AsyncClient, request: Mapping[str, Any]) -> AsyncGenerator[Piece]:
        """The answer to one request, as it arrives. Raises TroubleError, and what `refusal` makes of a refusal."""
        body = {**request, "model": self.model, "stream": True, "stream_options": {"include_usage": True}}
        try:
            async with client.stream("POST", f"{self.url}/chat/completions", json=body) as answer:
                if answer.status_code != 200:
                    raise self.refusal(answer.status_code, (await answer.aread()).decode(errors="replace"), answer)
                async for piece in _pieces(answer):
                    yield piece
        except httpx2.RequestError as error:
            raise TroubleError(_said(error)) from None

    def refusal(self, status: int, body: str, answer: httpx2.Response | None = None) -> SdpoError | TroubleError:
        """What an answer other than 200 means."""
        said = f"{status}{': ' * bool(message := _message(body))}{message}"
        if status in AGAIN or status >= 500:
            return TroubleError(f"the server answers {said}", _wait(answer))
        if status in (401, 403):
            hint = f"it is read from the environment variable {KEY}"
            return SetupError(f"the server does not accept the key: {said}", where=self.url, hint=hint)
        if status == 404:
            hint = "most addresses end in /v1; the model must be one that it serves"
            what = f"the server does not know this address or {self.model!r}: {said}"
            return UserError(what, where=self.option, hint=hint)
        return UserError(f"the server refuses the request: {said}", where=self.url)


async def _pieces(answer: httpx2.Response) -> AsyncIterator[Piece]:
    """Raises TroubleError if the response is not a stream, or breaks off."""
    begun = ended = False
    async for event in httpx2.EventSource(answer):
        if event.data.strip() == "[DONE]":
            ended = ended or begun  # not all servers give a reason
            break
        piece = _piece(event.data)
        begun, ended = begun or bool(piece.text or piece.thought), ended or piece.ended
        yield piece
    if not ended:
        raise TroubleError("the answer broke off")


def _piece(data: str) -> Piece:
    try:
        told = json.loads(data)
        if told.get("error"):
            raise TroubleError(f"the server breaks off: {_message(data)}")
        choice = (told.get("choices") or [{}])[0]
        delta, reason = choice.get("delta") or {}, choice.get("finish_reason")
        apart = next((delta[name] for name in THOUGHTS if delta.get(name)), "")
        text, thought = _texts(delta.get("content"))
        return Piece(text, bool(reason), reason == "length", _usage(told.get("usage")), str(apart) + thought)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise TroubleError(f"not an answer of the OpenAI protocol: {data[:MOST_CHARS]!r}") from None


def _texts(content: Any) -> tuple[str, str]:
    """Text and thought: some servers send lists of parts instead of text."""
    if not isinstance(content, list):
        return str(content or ""), ""
    thoughts = [_texts(part["thinking"])[0] for part in content if part.get("type") == "thinking"]
    return "".join(str(part.get("text") or "") for part in content), "".join(thoughts)


def _usage(told: Any) -> tuple[int, int] | None:
    """None if a server does not count both."""
    try:
        return int(told["prompt_tokens"]), int(told["completion_tokens"])
    except (ValueError, LookupError, TypeError):
        return None


def _address(url: str) -> SplitResult | None:
    """None if no request could be sent there."""
    try:
        address = urlsplit(url)
        host, _ = (address.hostname or "").encode("idna"), address.port  # each raises ValueError for an invalid one
    except ValueError:
        return None
    return address if host else None


def _key() -> str:
    """Empty if there is none. Raises SetupError for one that cannot be sent, without naming it."""
    key = os.environ.get(KEY, "").strip()  # a file that it was read from may end with a newline
    if not (key.isascii() and key.isprintable()):
        raise SetupError("the key has characters that no key has", where=KEY)
    return key


def _authorised() -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if (key := _key()) else {}


def _said(error: Exception) -> str:
    return _secret(str(error)) or type(error).__name__


def _message(body: str) -> str:
    """What an error's body says, on one line, without the key."""
    try:
        told = json.loads(body)
        told = told.get("error", told)
        text = told if isinstance(told, str) else told.get("message") or told.get("detail") or body
    except (ValueError, AttributeError):
        text = body
    return _secret(" ".join(str(text).split())[:MOST_CHARS])


def _secret(text: str) -> str:
    return text.replace(key, "***") if (key := _key()) else text


def _wait(answer: httpx2.Response | None) -> float | None:
    """Seconds, if the server gives them; a date is ignored."""
    try:
        return max(0.0, float(answer.headers["retry-after"])) if answer else None
    except (KeyError, ValueError):
        return None


def _names(body: str) -> list[str]:
    """Of the models that a server lists; none if the list is invalid."""
    try:
        return [str(one["id"]) for one in json.loads(body)["data"]]
    except (ValueError, LookupError, TypeError):
        return []


def _some(names: list[str], most: int = 8) -> str:
    return f"it has {', '.join(names[:most])}{', ...' if len(names) > most else ''}"
