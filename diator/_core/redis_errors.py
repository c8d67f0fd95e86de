"""What an error reply of Redis means, in words that hold nothing of the command.

What may live here: error codes and texts. No socket, no redis-py.
"""

__all__ = ("UNAVAILABLE", "code_of", "explain", "is_no_group")

#: Codes of a server that is there, but not (yet) ready for this: nothing was done, and a later try may succeed.
UNAVAILABLE = frozenset(
    {"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY", "TRYAGAIN"}
)

_ADVICE = {
    "DENIED": "the server is in protected mode: bind it to an address and set a password",
    "EXECABORT": "the server refused a command of this transaction: look at its memory and at the rights of the user",
    "LOADING": "the server is still loading its data",
    "MISCONF": "the server cannot save its data to disk, and refuses to write: look at its log",
    "NOAUTH": "the server wants a user and a password: put them into the URL or the client",
    "NOGROUP": "the stream or its consumer group is gone",
    "NOPERM": "the user has no right to this command or key: see the ACL in docs/redis.md",
    "OOM": "the server has no memory left: raise maxmemory, or find out which group does not keep up",
    "READONLY": "the server is a replica, or has just become one",
    "WRONGPASS": "the server does not accept this user and password",
    "WRONGTYPE": "a key of this name holds something else: choose other names for this broker",
}


def code_of(text: str) -> str:
    """The code that an error reply begins with, or that the error inside of a script began with."""
    code = text.partition(" ")[0]
    if code == "ERR" and "script" in text:
        return next((known for known in _ADVICE if known in text), code)
    return code


def is_no_group(error: Exception) -> bool:
    """Whether an error that `explain` worded says that the group does not exist."""
    return "(NOGROUP)" in str(error)


def explain(code: str, text: str, command: str) -> str:
    """Say what an error reply means.

    Args:
        code: What the reply began with.
        text: The reply, which may quote arguments.
        command: The name of the command.
    """
    if code in _ADVICE:
        return f"Redis refused {command} ({code}): {_ADVICE[code]}"
    if "unknown command" in text:
        return f"Redis does not know {command}: version 6.2 or newer is needed"
    if "syntax error" in text or "unknown subcommand" in text.lower():
        return f"Redis does not understand this form of {command}: version 6.2 or newer is needed"
    return f"Redis refused {command} ({code})" if code.isupper() else f"Redis refused {command}"
