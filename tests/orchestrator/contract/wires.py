"""Every transport's wire; a new one is one more line here."""

from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.gemini_wire import GeminiWire
from tests.orchestrator.contract.wire import Wire

WIRES: tuple[Wire, ...] = (
    GeminiWire(),
    ChatCompletionsWire("rest"),
    ChatCompletionsWire("qwen"),
)
