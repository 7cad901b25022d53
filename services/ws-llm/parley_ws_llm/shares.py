"""How much of the service one key may take, where the settings leave it open. Pure."""

from parley_ws_llm.settings import WsLlmSettings


def shared(settings: WsLlmSettings, keys: int) -> WsLlmSettings:
    """The settings with a share for each key: all of it, or three quarters if there are others.

    Args:
        keys: how many keys there are; none means that everybody is one.
    """
    alone = keys < 2
    # One more than there is place for: who is refused then is told that the service is full.
    unbounded = settings.max_concurrency + settings.max_queue + 1
    turns = unbounded if alone else _most(settings.max_concurrency)
    sockets = settings.max_connections if alone else _most(settings.max_connections)
    return settings.model_copy(
        update={
            "max_in_flight_per_key": settings.max_in_flight_per_key or turns,
            "max_connections_per_key": settings.max_connections_per_key or sockets,
        }
    )


def _most(places: int) -> int:
    return max(1, places * 3 // 4)
