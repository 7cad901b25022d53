"""One call: a session of LiveKit with our hearing, our chain and our speech around an agent."""

import logging
import time

from livekit.agents import (
    AgentSession,
    APIConnectOptions,
    ErrorEvent,
    UserInputTranscribedEvent,
    inference,
    stt,
)
from livekit.agents.voice.agent_session import SessionConnectOptions

from parley_orchestrator import hearing, speaking
from parley_orchestrator.agent import ParleyAgent
from parley_orchestrator.excuses import Excuses
from parley_orchestrator.livekit_llm import ChainLlm, Serving
from parley_orchestrator.llm.chain import Chain
from parley_orchestrator.llm.events import Event, Served, Unanswered
from parley_orchestrator.outage import Outage
from parley_orchestrator.ready import Ready
from parley_orchestrator.settings import OrchestratorSettings

_log = logging.getLogger("parley.orchestrator")

_VAD_SILENCE_S = 0.25
# Who has not finished for the turn detector is waited for; for the others silence is enough.
_ENDPOINTING_S = (_VAD_SILENCE_S, 2.5)
_INTERRUPTED_AFTER_S = 0.2
# To pause can be undone, and a room takes up to 50 ms to be silent: together less than 0.3 s.
_PAUSED_AFTER_S = 0.15
_NOISE_IS_OVER_S = 1.0
# Against an echo at the very beginning, before the caller's device has learnt to cancel it.
_ECHO_S = 1.0
# The next model is asked when the first has spent the budget, and may answer at once; a phrase that
# has begun would have to end first.
_NEXT_MODEL_S = 0.4
# A service that is away for long keeps failing; the call goes on until somebody hangs up.
_NEVER = 1_000_000
_CONNECTING = SessionConnectOptions(
    stt_conn_options=hearing.CONNECTING,
    llm_conn_options=APIConnectOptions(max_retry=0, timeout=60.0),
    tts_conn_options=speaking.CONNECTING,
    max_unrecoverable_errors=_NEVER,
)


class LastServed:
    """The chain's observer.

    Attributes:
        member: who answered the latest question; empty for nobody.
    """

    def __init__(self) -> None:
        self.member = ""

    def __call__(self, event: Event) -> None:
        match event:
            case Served(member):
                self.member = member
            case Unanswered():
                self.member = ""

    def serving(self, chain: Chain) -> Serving:
        members = {member.name: member for member in chain.members}
        member = members.get(self.member, chain.members[0])
        return Serving(member.config.model, member.name)


def create_session(
    ready: Ready, chain: Chain, last_served: LastServed, *, resumes: bool
) -> AgentSession[None]:
    """Everything local but the models: no audio and no transcript goes to LiveKit's cloud.

    Args:
        resumes: whether speech that a noise interrupted goes on; only an output that can pause
            is silent while that is found out, and the console's cannot.
    """
    settings = ready.worker.settings
    return AgentSession(
        stt=hearing.create_stt(settings, realtime=ready.realtime),
        tts=speaking.create_tts(settings, streaming=ready.streaming),
        llm=ChainLlm(
            chain,
            lambda: last_served.serving(chain),
            unspoken=ready.worker.persona.phrases,
        ),
        vad=inference.VAD(model="silero", min_silence_duration=_VAD_SILENCE_S),
        turn_handling={
            "turn_detection": inference.TurnDetector(version="v1-mini"),
            "endpointing": {"min_delay": _ENDPOINTING_S[0], "max_delay": _ENDPOINTING_S[1]},
            "interruption": {
                "mode": "vad",
                "min_duration": _PAUSED_AFTER_S if resumes else _INTERRUPTED_AFTER_S,
                "resume_false_interruption": resumes,
                "false_interruption_timeout": _NOISE_IS_OVER_S,
            },
            "preemptive_generation": {"enabled": True, "preemptive_tts": True},
        },
        aec_warmup_duration=_ECHO_S,
        conn_options=_CONNECTING,
    )


def create_agent(settings: OrchestratorSettings, excuses: Excuses) -> ParleyAgent:
    next_s = _NEXT_MODEL_S if len(settings.chain) > 1 else 0.0
    return ParleyAgent(excuses, silence_budget_s=settings.silence_budget_s + next_s)


def say_when_deaf(session: AgentSession[None], agent: ParleyAgent) -> None:
    """Tell the caller when speech cannot be transcribed for longer than a blip."""
    outage = Outage()

    def on_error(event: ErrorEvent) -> None:
        if isinstance(event.error, stt.STTError) and outage.failed(time.monotonic()):
            _log.warning("speech-to-text is away")
            agent.tell_that_it_cannot_hear()

    def on_transcript(_: UserInputTranscribedEvent) -> None:
        outage.worked()

    session.on("error", on_error)
    session.on("user_input_transcribed", on_transcript)
