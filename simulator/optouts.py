"""Opt-outs as the carrier keeps them, beside and independent of whatever the product keeps."""

from simulator.accounts import OptOut, Sender

STOP, START, HELP = "STOP", "START", "HELP"
_DEFAULT = {
    STOP: ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"],
    START: ["START", "YES", "UNSTOP"],
    HELP: ["HELP", "INFO"],
}
_ADDED = {STOP: ["ALTO", "BAJA", "PARAR", "CANCELAR"], START: ["ALTA", "INICIAR"], HELP: ["AYUDA"]}
_ANSWERS = {
    STOP: "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe.",
    START: "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    HELP: "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def read(body: str, handling: OptOut) -> str | None:
    """Return STOP, START or HELP if the whole text is one word the carrier acts on, else None."""
    word = body.strip().upper()
    if handling is OptOut.OFF:
        return None
    for act, words in _DEFAULT.items():
        if word in words or (handling is OptOut.ADVANCED and word in _ADDED[act]):
            return act
    return None


class OptOuts:
    """Pairs of (sender or messaging service, phone) between which nothing goes."""

    def __init__(self) -> None:
        self._blocked: set[tuple[str, str]] = set()

    def blocked(self, scope: str, phone: str) -> bool:
        """May nothing go from this sender or service to this phone?"""
        return (scope, phone) in self._blocked

    def apply(self, act: str, sender: Sender, phone: str) -> str | None:
        """Act on a STOP, START or HELP written to a sender and return the carrier's own answer, if it gives one."""
        if act == HELP:
            return None if self.blocked(sender.number, phone) else _ANSWERS[HELP]
        services = [sid for sid, pool in sender.account.services.items() if sender.number in pool]
        pairs = {(scope, phone) for scope in [sender.number, *services]}
        if act == STOP:
            self._blocked |= pairs
        else:
            self._blocked -= pairs
        return _ANSWERS[act]

    def clear(self) -> None:
        """Forget all."""
        self._blocked.clear()

    def __len__(self) -> int:
        return len(self._blocked)
