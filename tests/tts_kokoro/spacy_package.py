"""A spaCy model under the name of the one that misaki wants, small and without sense.

Its tagger was shown three sentences: tags are right now and then. What matters is that misaki runs
the way that it runs with the real one.
"""

from pathlib import Path

import spacy
from spacy.training import Example

_NAME, _VERSION = "en_core_web_sm", "3.8.0"
_SEED = 0
_SENTENCES = (
    (("Hello", "world", ",", "this", "costs", "$", "5", "."),
     ("UH", "NN", ",", "DT", "VBZ", "$", "CD", ".")),
    (("She", "read", "it", "to", "us", ";", "I", "live", "here", "."),
     ("PRP", "VBD", "PRP", "IN", "PRP", ":", "PRP", "VBP", "RB", ".")),
    (("Is", "the", "well-known", "John", "'s", "cat", "there", "?"),
     ("VBZ", "DT", "JJ", "NNP", "POS", "NN", "RB", ".")),
)  # fmt: skip


def install(folder: Path) -> Path:
    """Write the package into `folder`, which belongs on `sys.path`; the value is the folder."""
    spacy.util.fix_random_seed(_SEED)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": {"width": 32, "depth": 1, "embed_size": 500}})
    nlp.add_pipe("tagger", config={"model": {"tok2vec": {
        "@architectures": "spacy.Tok2VecListener.v1", "width": 32}}})  # fmt: skip
    examples = [
        Example.from_dict(spacy.tokens.Doc(nlp.vocab, list(words)), {"tags": list(tags)})
        for words, tags in _SENTENCES
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    nlp.meta.update(name="core_web_sm", version=_VERSION, lang="en")
    _write(nlp, folder)
    return folder


def _write(nlp: spacy.Language, folder: Path) -> None:
    package = folder / _NAME
    data = package / f"{_NAME}-{_VERSION}"
    package.mkdir(parents=True)
    nlp.to_disk(data)
    package.joinpath("__init__.py").write_text(
        "from pathlib import Path\n"
        "from spacy.util import load_model_from_init_py\n"
        f"__version__ = {_VERSION!r}\n"
        "def load(**overrides):\n"
        "    return load_model_from_init_py(__file__, **overrides)\n"
    )
    package.joinpath("meta.json").write_text(data.joinpath("meta.json").read_text())
    metadata = folder / f"{_NAME}-{_VERSION}.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {_VERSION}\n"
    )
