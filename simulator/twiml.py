"""Reads the answer to an inbound message: TwiML, or plain text that goes to the person as it is."""

from xml.parsers import expat

MOST_REPLIES = 10  # more is error 14109
_BIGGEST = 65_536


class NotTwiml(ValueError):
    """The answer is no TwiML for messages; the sentence says why."""


class _Reader:
    """Collects the text of each <Message> straight below <Response>, or of its <Body>."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.replies: list[str] = []
        self.text: list[str] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self.path.append(name)
        if self.path[0] != "Response":
            raise NotTwiml(f"the root is <{self.path[0]}>, not <Response>")
        if self.path == ["Response", "Message"]:
            self.text = []
        elif self.path == ["Response", "Message", "Body"]:
            self.text.clear()

    def characters(self, text: str) -> None:
        if self.path in (["Response", "Message"], ["Response", "Message", "Body"]):
            self.text.append(text)

    def end(self, _name: str) -> None:
        if self.path == ["Response", "Message"]:
            self.replies.append("".join(self.text).strip())
        self.path.pop()


def _refuse(*_declaration: object) -> None:
    raise NotTwiml("document type declarations are refused")


def read(content_type: str, text: str) -> list[str]:
    """Return the texts to send back, possibly none. Raises NotTwiml.

    Document types and entities are refused, so a hostile answer can neither grow nor read files.
    """
    if not text.strip():
        return []
    if len(text) > _BIGGEST:
        raise NotTwiml("the answer is longer than 64 kB")
    if content_type.partition(";")[0].strip().lower() == "text/plain":
        return [text.strip()]
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.characters
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise NotTwiml(f"the answer is not XML: {error}") from error
    if len(reader.replies) > MOST_REPLIES:
        raise NotTwiml(f"{len(reader.replies)} messages in one answer; at most {MOST_REPLIES} are allowed")
    return [reply for reply in reader.replies if reply]
