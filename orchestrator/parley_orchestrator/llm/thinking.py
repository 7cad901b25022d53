"""What a model thinks aloud before it answers, which nobody wants to hear. Pure."""

_OPEN, _CLOSE = "<think>", "</think>"


class SpokenText:
    """Leaves out one `<think>...</think>` at the beginning of an answer, in whatever pieces.

    Servers that know a model's thoughts send them apart; others send them as its first words.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinks: bool | None = None

    def push(self, piece: str) -> str:
        """As much of what came so far as is known to be spoken."""
        self._held += piece
        if self._thinks is None:
            self._thinks = _begins_with_thoughts(self._held)
        if self._thinks is None:
            return ""
        if self._thinks:
            return self._after_thoughts()
        return self._take()

    def end(self) -> str:
        """What was held back in vain; thoughts without an end are nothing."""
        return "" if self._thinks else self._take()

    def _after_thoughts(self) -> str:
        _, found, rest = self._held.partition(_CLOSE)
        if found and rest.strip():
            self._thinks, self._held = False, rest.lstrip()
            return self._take()
        if not found:
            self._held = self._held[-len(_CLOSE) + 1 :]
        return ""

    def _take(self) -> str:
        taken, self._held = self._held, ""
        return taken


def _begins_with_thoughts(text: str) -> bool | None:
    """None while that cannot be told."""
    begun = text.lstrip()
    if begun.startswith(_OPEN):
        return True
    return None if _OPEN.startswith(begun) else False
