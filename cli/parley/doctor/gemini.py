"""A call of Gemini that costs nothing: what it knows of the model, with our key."""

from parley.doctor.findings import Line, failure, ok, warning
from parley.doctor.http import NoReply, Reply, request, shown

GOOGLE = "https://generativelanguage.googleapis.com"
_CALL_S = 15.0


async def check_gemini(base_url: str, key: str, model: str) -> Line:
    """Ask for the model's description."""
    base = base_url.rstrip("/") or GOOGLE
    url = f"{base}/v1beta/models/{model.removeprefix('models/')}"
    try:
        reply = await request("GET", url, headers={"x-goog-api-key": key}, deadline_s=_CALL_S)
        return judge_gemini(reply, shown(base))
    except NoReply as exc:
        return failure(
            f"{shown(base)}: {exc}",
            "Let this machine reach it (HTTPS_PROXY, firewall), or leave gemini out of LLM_CHAIN; "
            "until then calls are answered by the next in the chain.",
        )


def judge_gemini(reply: Reply, where: str) -> Line:
    """
    Raises:
        Nonsense: this is not Gemini's API.
    """
    if reply.status == 200:
        reply.json()
        return ok(f"{where} knows GEMINI_MODEL and takes the key")
    if reply.status in (400, 401, 403):
        return failure(
            f"the key was refused ({reply.status})",
            "Set GEMINI_API_KEY to a key of https://aistudio.google.com/apikey that may use "
            "GEMINI_MODEL from here.",
        )
    if reply.status == 404:
        return failure(
            "GEMINI_MODEL is not known there", "Set GEMINI_MODEL to one that your key may use."
        )
    if reply.status == 429:
        return warning("the key has no quota left (429)", "Wait, or raise its project's quota.")
    return warning(f"answered {reply.status}", "Try again; https://aistudio.google.com/status")
