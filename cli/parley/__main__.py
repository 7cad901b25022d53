"""The `parley` command: arguments in, exit status out."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from parley.errors import CliError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when what it did holds, 1 when not, 2 for wrong arguments."""
    arguments = _parser().parse_args(argv)
    console = Console(stderr=arguments.json)
    try:
        status: int = arguments.run(arguments, console)
    except CliError as exc:
        told = Console(stderr=True)
        told.print(f"parley: {exc}", style="red", highlight=False, markup=False, soft_wrap=True)
        return exc.exit_status
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parley", description="A self-hosted voice stack that speaks OpenAI's API."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_up(commands)
    _add_call(commands)
    _add_doctor(commands)
    _add_bench(commands)
    return parser


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    up = commands.add_parser("up", help="start the whole stack in this process and try it once")
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    up.add_argument("--port", type=_port, default=8000, help="port; 0 takes a free one")
    up.add_argument("--json", action="store_true", help="print one JSON line when it is ready")
    up.set_defaults(run=_up)


def _add_call(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    environ = os.environ
    call = commands.add_parser("call", help="one spoken turn: a recording in, a WAV file out")
    call.add_argument("question", type=Path, help="a recording of a question")
    call.add_argument("-o", "--output", type=Path, default=Path("answer.wav"))
    call.add_argument("--base-url", default=environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000"))
    call.add_argument("--api-key", default=environ.get("OPENAI_API_KEY"))
    call.add_argument("--stt-model", default=environ.get("OPENAI_STT_MODEL", "whisper-1"))
    call.add_argument("--llm-model", default=environ.get("OPENAI_LLM_MODEL", "qwen2-5-7b-instruct"))
    call.add_argument("--tts-model", default=environ.get("OPENAI_TTS_MODEL", "tts-1"))
    call.add_argument("--voice", default=environ.get("OPENAI_TTS_VOICE", "alloy"))
    call.add_argument("--timeout", type=float, default=60.0, help="seconds for each request")
    call.add_argument("--json", action="store_true", help="print one JSON object")
    call.set_defaults(run=_call)


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    doctor = commands.add_parser(
        "doctor", help="look at this machine, the .env and the stack; ends with 1 on a failure"
    )
    doctor.add_argument("--env", type=Path, default=Path(".env"), help="(%(default)s)")
    doctor.add_argument(
        "-f", "--file", type=_path, action="append", default=[], help="as of docker compose"
    )
    doctor.add_argument(
        "--url", action="append", default=[], help="base of a stack to call; the gateway's"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)


def _add_bench(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from parley.bench import SUITES

    bench = commands.add_parser("bench", help="measure; ends with 1 when a goal is missed")
    bench.add_argument("suite", choices=tuple(SUITES))
    bench.add_argument("--json", action="store_true", help="print one JSON object")
    bench.set_defaults(run=_bench)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _path(text: str) -> Path:
    """Of where we are, whatever directory it is used in."""
    return Path(text).absolute()


def _up(arguments: argparse.Namespace, console: Console) -> int:
    from parley.up import Ready, print_ready, up

    def show(ready: Ready) -> None:
        if arguments.json:
            print(ready.as_json(), flush=True)
        else:
            print_ready(console, ready)

    return up(arguments.host, arguments.port, show=show, console=console)


def _call(arguments: argparse.Namespace, console: Console) -> int:
    from parley.call import as_json, call, print_turn
    from parley.client import Target

    target = Target(
        base_url=arguments.base_url,
        api_key=arguments.api_key,
        stt_model=arguments.stt_model,
        llm_model=arguments.llm_model,
        tts_model=arguments.tts_model,
        voice=arguments.voice,
        timeout_s=arguments.timeout,
    )
    turn = call(arguments.question, arguments.output, target, console)
    if arguments.json:
        print(json.dumps(as_json(turn, arguments.output), ensure_ascii=False))
    else:
        print_turn(console, turn, arguments.output)
    return 0


def _doctor(arguments: argparse.Namespace, console: Console) -> int:
    from parley.doctor import Asked, doctor
    from parley.doctor.printing import print_report

    report = doctor(Asked(arguments.env, arguments.file, arguments.url), console)
    if arguments.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        print_report(console, report)
    return 0 if report.ok else 1


def _bench(arguments: argparse.Namespace, console: Console) -> int:
    from parley.bench import run

    report = run(arguments.suite, console)
    if arguments.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        report.print(console)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
