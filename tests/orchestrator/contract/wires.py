"""Every transport's wire; a new one is one more line here."""

from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.wire import Wire

WIRES: tuple[Wire, ...] = (
    ChatCompletionsWire("rest"),
    ChatCompletionsWire("qwen"),
)
