"""What others say, as the fleet understands it: orders, and the messages of workers."""

from typing import Any

from shared.supervision.orders import Action, Order
from workers.supervisor.fleet import Effect, Fleet
from workers.supervisor.member import Ailing, Beat, Event, Hello, Leaving, Ready


def obey(order: Order, fleet: Fleet, now: float) -> list[Effect]:
    """What an order asks for; of a worker that has ended meanwhile it asks nothing. `now`: monotonic seconds."""
    why = f"{order.why} (by {order.by})"
    incarnation = order.incarnation or ""
    match order.action:
        case Action.RECYCLE:
            fleet.recycle(incarnation, why)
        case Action.DRAIN:
            return fleet.empty(incarnation, "drain", why, now)
        case Action.STOP:
            return fleet.empty(incarnation, "hurry", why, now)
        case Action.ROLL:
            fleet.roll(why)
        case Action.SCALE if order.processes is not None:
            return fleet.scale(order.processes, why, now)
    return []


def understood(message: dict[str, Any]) -> Event:
    """What a worker said."""
    match message:
        case {"hello": pid}:
            return Hello(pid)
        case {"ready": _}:
            return Ready()
        case {"ailing": what}:
            return Ailing(what)
        case {"leaving": _}:
            return Leaving()
        case _:
            return Beat(useful=message.get("useful", False))
