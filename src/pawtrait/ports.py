"""Whether a port is free, asked before anything starts: servers say so late, and name no way out."""

import socket


def objection(host: str, port: int, whose: str, others: str) -> str:
    """Why nobody can listen there and what to do, or "".

    Args:
        whose: what may be running there already, and is no trouble then.
        others: how to name another port.
    """
    try:
        family, kind, *_, (address, _, *more) = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just ended is over
            probe.bind((address, port, *more))
    except (OSError, OverflowError) as error:
        return (
            f"port {port} of {host} is not free ({error}); if it is not {whose} that runs there, use another"
            f" port: {others}"
        )
    return ""
