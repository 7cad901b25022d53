"""Checks of the settings: the `.env` itself, what each service makes of it, and all together."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic_settings import BaseSettings

from parley.doctor import contradictions as among
from parley.doctor.access import look_at
from parley.doctor.environment import EXAMPLE, Environment
from parley.doctor.examples import judge_examples
from parley.doctor.findings import Line, failure, ok, skipped, warning
from parley.doctor.names import judge_names
from parley.doctor.probes import Probes, known
from parley.doctor.project import Project
from parley.doctor.running import Check
from parley.doctor.settings import SERVICES, orchestrator_settings, read
from parley_llm.settings import LlmSettings
from parley_ws_llm.settings import WsLlmSettings

GROUP = "Settings"


def settings_checks(environment: Environment, probes: Probes) -> list[Check]:
    """In the order in which they are shown."""
    configured = Configured(environment, probes)
    return [
        Check(GROUP, ".env", configured.file),
        Check(GROUP, "Names", configured.names),
        Check(GROUP, "Secrets", configured.secrets),
        Check(GROUP, "Keys", configured.keys),
        Check(GROUP, "Calls", configured.calls),
        Check(GROUP, "Services", configured.services, deadline_s=30),
        Check(GROUP, "Contradictions", configured.together, deadline_s=30),
    ]


class Configured:
    """Each method is a check."""

    def __init__(self, environment: Environment, probes: Probes) -> None:
        self._environment = environment
        self._probes = probes

    async def file(self) -> Sequence[Line]:
        environment = self._environment
        if environment.file is not None:
            filled = sum(map(bool, environment.file.values.values()))
            return [ok(f"{environment.path} sets {filled} names to something")]
        if environment.path.exists():
            return [
                failure(
                    f"{environment.path} cannot be read: {environment.trouble}", "Correct that."
                )
            ]
        todo = f"cp {EXAMPLE} .env, then set API_KEYS in it (`openssl rand -hex 32` makes one)."
        if among.keys_of(environment.secrets):
            return [warning("there is none; the shell's settings are taken", todo)]
        return [failure(f"{environment.path} is not there", todo)]

    async def names(self) -> Sequence[Line]:
        file = self._environment.file
        if file is None:
            return [skipped("there is no .env")]
        return list(judge_names(file, self._environment.known)) or [ok("all are known")]

    async def secrets(self) -> Sequence[Line]:
        files = [look_at(file) for file in self._environment.secret_files]
        examples = list(judge_examples(self._environment.secrets))
        return [*files, *examples] or [skipped("there are none")]

    async def keys(self) -> Sequence[Line]:
        secrets = self._environment.secrets
        if self._environment.file is None and not among.keys_of(secrets):
            return [skipped("there is no .env")]
        keys = len(among.keys_of(secrets))
        said = f"{keys} key{'s' * (keys != 1)}" if keys else "everybody who can connect is served"
        return list(among.judge_keys(secrets, self._environment.shell)) or [ok(said)]

    async def calls(self) -> Sequence[Line]:
        secrets = self._environment.secrets
        lines = [*among.judge_livekit(secrets), *among.judge_language_models(secrets)]
        if not lines and "calls" not in among.profiles_of(secrets):
            return [skipped("COMPOSE_PROFILES has no calls: the worker is not started")]
        return lines or [ok("LiveKit is set, and the worker is among what is started")]

    async def services(self) -> Sequence[Line]:
        project = await known(self._probes.project)
        return list(self._problems(self._environments(project))) or [
            ok("each service takes its settings")
        ]

    async def together(self) -> Sequence[Line]:
        environment = self._environment
        project = await known(self._probes.project)
        environments = self._environments(project)
        file = environment.file.values if environment.file else {}
        llm = environments.get("llm", {})
        return [
            *among.judge_shell(file, environment.shell, environment.known),
            *among.judge_engines(environment.values, llm),
            *among.judge_addresses(environments if project else {}),
            *(among.judge_places(environment.values) if project else ()),
            *self._conversation(environments),
            *among.judge_stopping(environment.values),
        ] or [ok("none")]

    def _problems(self, environments: Mapping[str, Mapping[str, str]]) -> Iterator[Line]:
        told = set()
        for service, values in environments.items():
            for cls in _classes(service):
                for problem in read(cls, values).problems:
                    if str(problem) not in told:
                        told.add(str(problem))
                        yield failure(f"{service}: {problem}", "Correct it in .env.")
        if "orchestrator" in environments and not orchestrator_settings():
            yield skipped("orchestrator: its package is not installed", "`make dev` installs it.")

    def _conversation(self, environments: Mapping[str, Mapping[str, str]]) -> Iterator[Line]:
        llm = read(LlmSettings, environments.get("llm", {})).settings
        ws_llm = read(WsLlmSettings, environments.get("ws-llm", {})).settings
        if llm and ws_llm:
            yield from among.judge_conversation(llm, ws_llm)

    def _environments(self, project: Project | None) -> Mapping[str, Mapping[str, str]]:
        """What each service would find set; without Compose's word, all that is set."""
        secrets = self._environment.secrets
        if project is None:
            values = {"OPENAI_BASE_URL": "http://gateway:8080", **secrets}
            worker = ("orchestrator",) if "calls" in among.profiles_of(secrets) else ()
            return dict.fromkeys((*SERVICES, *worker), values)
        return {
            name: {
                **{secret: secrets[secret] for secret in _from_files(values, secrets)},
                **values,
            }
            for name, values in project.environments.items()
        }


def _from_files(values: Mapping[str, str], secrets: Mapping[str, str]) -> Iterator[str]:
    for name in values:
        secret = name.removesuffix("_FILE")
        if secret != name and secret in secrets:
            yield secret


def _classes(service: str) -> Sequence[type[BaseSettings]]:
    if service == "orchestrator":
        return orchestrator_settings()
    return [SERVICES[service]] if service in SERVICES else []
