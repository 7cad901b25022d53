"""What of a conversation is sent to a model: its instructions, and its latest turns."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from parley_orchestrator.llm.chat import ChatRequest, Entry, Said, ToolCall, ToolResult
from parley_orchestrator.llm.config import LlmConfig


def prepared(request: ChatRequest, config: LlmConfig) -> ChatRequest:
    """`request` as a transport sends it; to prepare it again changes nothing.

    The instructions and the tools are those of the request or else of `config`; `tools` is never
    None. Of the entries the last `max_turns` turns are left, in the order that every provider
    takes (see `in_order`). Without a tool there is nothing to choose: `tool_choice` is `auto`.

    Raises:
        ValueError: `max_turns` is less than 1.
    """
    tools = config.tools if request.tools is None else request.tools
    return replace(
        request,
        instructions=request.instructions or config.instructions,
        entries=latest_turns(in_order(request.entries), config.max_turns),
        tools=tools,
        tool_choice=request.tool_choice if tools else "auto",
    )


def latest_turns(entries: Sequence[Entry], max_turns: int) -> tuple[Entry, ...]:
    """The last turns: a user's message and all that follows it until the next.

    What came before the first user's message, such as a greeting, is left while nothing is cut.

    Args:
        entries: as `in_order` returns them.

    Raises:
        ValueError: `max_turns` is less than 1.
    """
    if max_turns < 1:
        raise ValueError("max_turns: at least 1")
    starts = [at for at, entry in enumerate(entries) if _opens_a_turn(entry)]
    first = starts[-max_turns] if len(starts) > max_turns else 0
    return tuple(entries[first:])


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Calls of one answer together, directly followed by their results in the order of the calls.

    Providers refuse a call without a result, a result without a call, and anything between the
    two; a caller who speaks while a tool works puts words there. So a result goes back to its
    call, a call or a result that is alone is left out, and so is what was said without a word.
    """
    spoken = [entry for entry in entries if not isinstance(entry, Said) or entry.text.strip()]
    results = _results_by_call(spoken)
    ordered: list[Entry] = []
    due: list[Entry] = []
    previous: Entry | None = None
    for at, entry in enumerate(spoken):
        if due and not (isinstance(entry, ToolCall) and isinstance(previous, ToolCall)):
            ordered += due
            due = []
        if at in results:
            due.append(results[at])
        if at in results or isinstance(entry, Said):
            ordered.append(entry)
        previous = entry
    return (*ordered, *due)


def _results_by_call(entries: Sequence[Entry]) -> dict[int, ToolResult]:
    """The result of each call that has one, by the place of the call.

    Some models use an id again: a result belongs to the latest answer that has a call of its id,
    and there to the first that is still open.
    """
    waiting: dict[str, list[int]] = {}
    results: dict[int, ToolResult] = {}
    answer_starts = 0
    for at, entry in enumerate(entries):
        if isinstance(entry, ToolCall):
            if at and not isinstance(entries[at - 1], ToolCall):
                answer_starts = at
            same = [call for call in waiting.get(entry.id, ()) if call >= answer_starts]
            waiting[entry.id] = [*same, at]
        elif isinstance(entry, ToolResult) and waiting.get(entry.call_id):
            results[waiting[entry.call_id].pop(0)] = entry
    return results


def _opens_a_turn(entry: Entry) -> bool:
    return isinstance(entry, Said) and entry.role == "user"
