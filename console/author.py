"""Who makes a change, as it stands in the history."""

import getpass
import socket

from watchkeeper.contract import MAX_NAME_LENGTH


def author() -> str:
    """`user@host` of this process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"[:MAX_NAME_LENGTH]
