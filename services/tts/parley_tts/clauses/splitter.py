"""Text in, in parts that may break anywhere; clauses and pauses out."""

from parley_tts.clauses.draft import Draft
from parley_tts.clauses.parts import Part, Pause
from parley_tts.clauses.pieces import Kind, Piece, next_piece
from parley_tts.traced import Span


class ClauseSplitter:
    """Cuts one caller's text, of which it counts the characters from the first to the last."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        self._draft = Draft()

    def feed(self, text: str) -> list[Part]:
        """What is certain by now.

        Raises:
            InvalidRequest: a pause is too long; nothing can be fed any more.
        """
        self._text += text
        return self._read(final=False)

    def flush(self) -> list[Part]:
        """All the rest; what is fed next begins anew, but its characters are counted on.

        Raises:
            InvalidRequest: a pause is too long; nothing can be fed any more.
        """
        found = self._read(final=True)
        self._draft.finish()
        found += self._draft.cut
        self._draft = Draft()
        return found

    def _read(self, final: bool) -> list[Part]:
        found: list[Part] = []
        at = 0
        while at < len(self._text) and (piece := next_piece(self._text, at, final)):
            self._take(piece, at, found)
            at = piece.end
        self._text = self._text[at:]
        self._start += at
        return found

    def _take(self, piece: Piece, at: int, found: list[Part]) -> None:
        """Put what becomes certain with the piece that begins at `at` into `found`."""
        text, start = self._text[at : piece.end], self._start + at
        if piece.kind is Kind.SPACE:
            self._draft.space(text, start)
        elif piece.kind is Kind.PAUSE:
            self._draft.finish()
        else:
            self._draft.word(text, piece.said, start)
        found += self._draft.cut
        self._draft.cut.clear()
        if piece.kind is Kind.PAUSE:
            found.append(Pause(piece.pause_s, Span(start, self._start + piece.end)))


def parts(text: str) -> list[Part]:
    """All parts of a text.

    Raises:
        InvalidRequest: a pause is too long.
    """
    splitter = ClauseSplitter()
    return splitter.feed(text) + splitter.flush()
