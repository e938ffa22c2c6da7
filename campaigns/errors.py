"""The four things that can go wrong in the domain; their sentences live in the ways in."""


class Problem(Exception):
    """Something a person can be told: a code and the values its sentence needs."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class NotFound(Problem):
    """The thing is not there, or belongs to another agency: both look the same from outside."""


class NotAllowed(Problem):
    """This person may not do this."""


class Conflict(Problem):
    """The thing is not in a state in which this can be done now."""


class Invalid(Problem):
    """Input that must be corrected; `field` names where."""

    def __init__(self, field: str, code: str, **values: object) -> None:
        super().__init__(code, **values)
        self.field = field
