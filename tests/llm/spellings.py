"""Ways to spell the path of a chat, and an Authorization, that could get past a check for keys."""

import socket

PATHS = [
    "/v1/chat/completions",
    "/llm/v1/chat/completions",
    "//v1/chat/completions",
    "/llm//v1/chat/completions",
    "/llm/llm/v1/chat/completions",
    "/llmv1/chat/completions",
    "/LLM/v1/chat/completions",
    "/llm/v1/chat/completions/",
    "/llm/v1/chat/completions?x=/livez",
    "/llm/v1/chat/completions;/livez",
    "/livez/../v1/chat/completions",
    "/llm/%76%31/chat/completions",
    "/llm/v1%2Fchat%2Fcompletions",
    "/llm/livez%2F..%2Fv1/chat/completions",
    "/./v1/chat/completions",
    "/v1/chat/completions#/livez",
]

HEADERS = [
    "", "authorization: Bearer wrong", "authorization: Bearer", "authorization: k1",
    "authorization: Basic azE6", "authorization: Bearer k1,k2", "x-api-key: k1",
    "cookie: authorization=k1", "host: localhost/livez?",
]  # fmt: skip
"""None of them holds a key of a service with `k1` and `k2`."""

_BODY = '{"model": "qwen2-5-7b-instruct", "messages": [{"role": "user", "content": "hello"}]}'


def status_of_spelling(url: str, path: str, header: str) -> int:
    """The status of a request for a chat that no client would spell."""
    host, port = url.removeprefix("http://").split(":")
    lines = [f"POST {path} HTTP/1.1", "content-type: application/json", "connection: close"]
    lines += [] if header.startswith("host") else ["host: x"]
    lines += [header] if header else []
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = "\r\n".join([*lines, f"content-length: {len(_BODY)}", "", ""])
        connection.sendall(f"{head}{_BODY}".encode())
        return int(connection.makefile("rb").readline().split()[1])
