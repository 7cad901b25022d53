"""Which files of its model vLLM reads, so that they can be there before it starts."""

from pathlib import Path

from parley_kit import downloads
from parley_kit.downloads import Wanted
from parley_kit.errors import SettingsError
from parley_llm.settings import LlmSettings
from parley_llm.vllm.command import model_of

_VARIABLE = "LLM_MODEL"
# In vLLM's own order: it takes the first of the formats that a repository has.
_WEIGHTS = "consolidated*.safetensors|*.safetensors|*.bin|*.pt"
# Configuration, tokenizer in all its forms, chat template, and the code that a model may bring.
_BESIDE = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "*.py")


def wanted(settings: LlmSettings) -> Wanted | None:
    """What has to be in the cache; None where the model is a directory.

    Raises:
        SettingsError: the name is neither a directory's nor a repository's.
    """
    model = model_of(settings)
    if Path(model).is_dir():
        return None
    if not downloads.is_repository(model):
        raise SettingsError(
            f"{_VARIABLE}: {model} is no directory and no repository (owner/name) of a model, such "
            "as Qwen/Qwen2.5-7B-Instruct-AWQ."
        )
    return Wanted(model, (*_BESIDE, _WEIGHTS), _VARIABLE)
