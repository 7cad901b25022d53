"""Every transport's wire; a new one is one more line here."""

from tests.orchestrator.contract.chat_completions_wire import ChatCompletionsWire
from tests.orchestrator.contract.gemini_wire import GeminiWire
from tests.orchestrator.contract.realtime_wire import RealtimeWire
from tests.orchestrator.contract.wire import Wire
from tests.orchestrator.contract.ws_wire import WsWire

WIRES: tuple[Wire, ...] = (
    GeminiWire(),
    ChatCompletionsWire("rest"),
    ChatCompletionsWire("qwen"),
    RealtimeWire("ga"),
    RealtimeWire("beta"),
    WsWire(),
)
