"""How the service says no."""

from proton import Condition, symbol

__all__ = ("Refusal",)


class Refusal(Exception):
    """A refusal, in the words of the protocol.

    Args:
        condition: The AMQP error condition.
        text: The description.
        status: The code in an answer of ``$cbs`` or ``$management``.
    """

    def __init__(self, condition: str, text: str, status: int = 400) -> None:
        super().__init__(f"{condition}: {text}")
        self.condition, self.text, self.status = condition, text, status

    def for_amqp(self) -> Condition:
        # without the map at the end the SDK waits for ever
        return Condition(self.condition, self.text, {symbol("tracking-id"): "servicebus-stand-in"})

    @classmethod
    def not_found(cls, path: str) -> "Refusal":
        return cls("amqp:not-found", f"The messaging entity '{path}' could not be found.", 404)

    @classmethod
    def unauthorized(cls, text: str) -> "Refusal":
        return cls("amqp:unauthorized-access", text, 401)

    @classmethod
    def too_large(cls, size: int, limit: int) -> "Refusal":
        return cls(
            "amqp:link:message-size-exceeded",
            f"The received message (size:{size} bytes) exceeds the limit ({limit} bytes) allowed on the link.",
        )

    @classmethod
    def full(cls, path: str) -> "Refusal":
        return cls("amqp:resource-limit-exceeded", f"The entity '{path}' has reached its maximum size.", 403)

    @classmethod
    def not_allowed(cls, text: str) -> "Refusal":
        return cls("amqp:not-allowed", text)

    @classmethod
    def message_not_found(cls, sequence: int) -> "Refusal":
        return cls("com.microsoft:message-not-found", f"There is no such message with number {sequence}.", 404)

    @classmethod
    def message_lock_lost(cls) -> "Refusal":
        return cls(
            "com.microsoft:message-lock-lost",
            "The lock supplied is invalid: it has expired, or the message has been removed from the queue.",
            410,
        )

    @classmethod
    def session_taken(cls, session_id: str) -> "Refusal":
        text = f"The requested session '{session_id}' cannot be accepted: it is locked by another receiver."
        return cls("com.microsoft:session-cannot-be-locked", text, 410)

    @classmethod
    def session_lock_lost(cls) -> "Refusal":
        return cls("com.microsoft:session-lock-lost", "The lock of the session has expired: accept it again.", 410)

    @classmethod
    def timeout(cls) -> "Refusal":
        return cls("com.microsoft:timeout", "The operation did not complete within the allotted time.", 408)
