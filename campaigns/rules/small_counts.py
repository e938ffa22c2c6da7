"""Small counts: numbers of one to nine people may point at somebody, so whoever lacks the right reads "fewer than 10".

A hidden number must not come back by subtraction either: with it others are hidden, smallest first, until what is left
fits several possibilities, and the total with them where nothing else is left. What two segments tell when they are
compared with each other is beyond this.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from campaigns.rules.audience import Count, Forecast
from campaigns.rules.channels import Channel

SMALL: Final = 10  # numbers below are hidden, but for nought
_POSSIBLE: Final = 3  # a hidden small number might be at least so many different ones


class Hidden(StrEnum):
    """What stands where a number is not shown."""

    FEW = "few"  # 1 to 9
    MANY = "many"  # 10 or more: shown, it would give a small one away
    UNTOLD = "untold"


Shown = int | Hidden


@dataclass(frozen=True)
class Parts:
    """Parts of a total, as far as they may be shown."""

    total: Shown
    parts: tuple[Shown, ...]


@dataclass(frozen=True)
class Reach:
    """One channel: who can be written to, why others cannot, and what those read who can; None where that is hidden."""

    people: Shown
    left_out: Mapping[str, Shown] = field(default_factory=dict)
    languages: Mapping[str, Shown] | None = None


@dataclass(frozen=True)
class Audience:
    """A Count as far as it may be shown."""

    total: Shown
    either: Shown
    reaches: Mapping[Channel, Reach]

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        each = [
            number
            for reach in self.reaches.values()
            for number in (reach.people, *reach.left_out.values(), *(reach.languages or {}).values())
        ]
        is_untold = any(reach.languages is None for reach in self.reaches.values())
        return is_untold or any(isinstance(number, Hidden) for number in (self.total, self.either, *each))


@dataclass(frozen=True)
class Outlook:
    """A Forecast as far as it may be shown; `by_language` False where only its people and who is left out may be."""

    people: Shown
    left_out: Mapping[str, Shown]
    by_language: bool


def mark(number: int) -> Hidden:
    """What stands for a hidden number, which is not nought."""
    return Hidden.FEW if number < SMALL else Hidden.MANY


def is_small(number: int) -> bool:
    """Whether the number may point at somebody."""
    return 0 < number < SMALL


def hide(parts: Sequence[int]) -> Parts:
    """Parts that add up to a total, each shown if that gives no small one away, and the total with them."""
    total = sum(parts)
    hidden = {at for at, number in enumerate(parts) if is_small(number)}
    shows_total = not is_small(total)
    while shows_total and _gives_away(parts, hidden):
        left = [at for at, number in enumerate(parts) if number and at not in hidden]
        if left:
            hidden.add(min(left, key=lambda at: (parts[at], at)))
        else:
            shows_total = False
    if shows_total:
        of_total: Shown = total
    else:
        # Nine parts of at least one in a total below ten are one each.
        of_total = mark(total) if len(hidden) + _POSSIBLE <= SMALL or total >= SMALL else Hidden.UNTOLD
    return Parts(of_total, tuple(mark(number) if at in hidden else number for at, number in enumerate(parts)))


def audience(count: Count, *, shows_small: bool) -> Audience:
    """The count for somebody with the right to see small numbers, or without."""
    if shows_small:
        told = {
            channel: Reach(count.reachable(channel), count.left_out(channel), count.languages(channel))
            for channel in Channel
        }
        return Audience(count.total, count.reachable_either, told)
    hidden = {channel: hide([count.reachable(channel), *count.left_out(channel).values()]) for channel in Channel}
    totals = [one.total for one in hidden.values()]
    total = next((one for one in (Hidden.UNTOLD, *totals) if one in totals and isinstance(one, Hidden)), totals[0])
    reaches = {}
    for channel, found in hidden.items():
        parts = found.parts if isinstance(total, int) else _all_hidden(count, channel)
        reasons = dict(zip(count.left_out(channel), parts[1:], strict=True))
        reaches[channel] = Reach(parts[0], reasons, _languages(count, channel, parts[0]))
    return Audience(total, _either(count, total, [reach.people for reach in reaches.values()]), reaches)


def outlook(count: Count, forecast: Forecast, *, shows_small: bool) -> Outlook:
    """What a campaign of several channels would send, for somebody with the right to see small numbers, or without."""
    if shows_small:
        return Outlook(forecast.people, forecast.left_out, True)
    found = hide([forecast.people, *forecast.left_out.values()])
    by_sms, by_mail = sum(forecast.sms.values()), sum(forecast.email.values()) + sum(forecast.after_sms.values())
    told = [
        *(forecast.people, *forecast.left_out.values()),
        *(number for way in (forecast.sms, forecast.email, forecast.after_sms) for number in way.values()),
        # What the numbers of the segment beside it tell by subtraction.
        *(by_sms, by_mail, count.reachable_sms - by_sms, count.reachable_email - by_mail),
        *(forecast.people - by_sms, forecast.people - by_mail),
    ]
    left_out = dict(zip(forecast.left_out, found.parts[1:], strict=True))
    return Outlook(found.parts[0], left_out, not any(is_small(number) for number in told))


def _gives_away(parts: Sequence[int], hidden: Collection[int]) -> bool:
    """Whether the shown parts and the total leave fewer than `_POSSIBLE` values to a small one."""
    rest = sum(parts[at] for at in hidden)
    few = sum(1 for at in hidden if is_small(parts[at]))
    many = len(hidden) - few
    lowest = 1 if many else max(1, rest - (few - 1) * (SMALL - 1))
    highest = min(SMALL - 1, rest - (few - 1) - many * SMALL)
    return few > 0 and highest - lowest + 1 < _POSSIBLE


def _all_hidden(count: Count, channel: Channel) -> tuple[Shown, ...]:
    numbers = (count.reachable(channel), *count.left_out(channel).values())
    return tuple(mark(number) if number else 0 for number in numbers)


def _languages(count: Count, channel: Channel, people: Shown) -> dict[str, Shown] | None:
    found = count.languages(channel)
    hidden = hide(list(found.values()))
    if isinstance(people, Hidden) or isinstance(hidden.total, Hidden):
        return None
    return dict(zip(found, hidden.parts, strict=True))


def _either(count: Count, total: Shown, ways: Sequence[Shown]) -> Shown:
    """Those who can be written to in any way, unless the numbers beside it would tell of a few with one way alone."""
    either, by_sms, by_mail = count.reachable_either, count.reachable_sms, count.reachable_email
    told = (either, count.total - either, either - by_sms, either - by_mail, by_sms + by_mail - either)
    hides = any(isinstance(number, Hidden) for number in (total, *ways)) or any(map(is_small, told))
    return mark(either) if hides and either else either
