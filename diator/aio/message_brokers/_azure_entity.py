"""A queue, or a topic with a subscription, and the client that reaches it."""

from dataclasses import replace
from typing import Any

from ..._core.servicebus import Arrived, Outgoing
from ..._runtime.aio.servicebus import Home, at_most, disconnect, is_cut, open_client
from ..._runtime.servicebus import (
    NEXT_SESSION,
    check_source,
    explain,
    let_close_at_once,
    link_options,
    make_patient,
    too_large,
)
from ...errors import BrokerError, MessageTooLarge

__all__ = ("Entity",)

#: Seconds to wait for the end of a link, whose other end may be gone.
_GOODBYE = 5.0
#: Seconds to wait for a session that has messages.
_SESSION_WAIT = 5.0


class Entity:
    """Opens links of the SDK, each of which has one owner. All coroutines run at home."""

    def __init__(
        self,
        client: Any,
        credential: Any,
        home: Home,
        *,
        topic: str | None,
        queue: str | None,
        subscription: str | None,
        sessions: bool,
        timeout: float,
    ) -> None:
        if (topic is None) is (queue is None):
            raise ValueError("give either topic_name or queue_name")
        if queue is not None and subscription is not None:
            raise ValueError("a queue has no subscriptions: leave subscription_name out, or give topic_name")
        if not timeout > 0:
            raise ValueError(f"timeout must be a positive number of seconds, not {timeout}")
        if isinstance(client, str):
            check_source(client, credential)
        self.topic, self.queue, self.subscription = topic, queue, subscription
        self.sessions, self.timeout = sessions, timeout
        self.closed = False
        self._home = home
        self._source, self._credential = client, credential
        self._client: Any = None
        self._own_credential: Any = None
        self._place: object = None

    def __str__(self) -> str:
        if self.queue is not None:
            return f"queue {self.queue!r}"
        return f"topic {self.topic!r}" + (f" with subscription {self.subscription!r}" if self.subscription else "")

    @property
    def can_receive(self) -> bool:
        return self.queue is not None or self.subscription is not None

    def with_session(self, message: Outgoing) -> Outgoing:
        """On an entity with sessions, a message without a key has a session of its own."""
        if self.sessions and message.session_id is None:
            return replace(message, session_id=message.message_id)
        return message

    def is_for_others(self, arrived: Arrived) -> bool:
        """Whether this is a copy of a message that another subscription has given back through the topic."""
        return self.subscription is not None and arrived.subscription not in (None, self.subscription)

    def explain(self, error: Exception) -> BrokerError | MessageTooLarge:
        """Say what went wrong, in diator's terms."""
        return explain(error, str(self))

    def too_large(self) -> MessageTooLarge:
        return too_large(str(self))

    async def sender(self) -> Any:
        """Make a sender, which opens when it first sends."""
        client = await self.client()
        options = link_options(self.timeout)
        if self.queue is not None:
            sender = client.get_queue_sender(self.queue, **options)
        else:
            sender = client.get_topic_sender(self.topic, **options)
        make_patient(sender, False, self.timeout)
        return sender

    async def receiver(self, *, dead_letters: bool = False) -> Any:
        """Open a receiver: for the next session if there are sessions.

        Raises:
            NoSession: No session has messages.
        """
        client = await self.client()
        options = link_options(self.timeout)
        if dead_letters:
            options["sub_queue"] = "deadletter"
        elif self.sessions:
            options |= {"session_id": NEXT_SESSION, "max_wait_time": _SESSION_WAIT}
        if self.queue is not None:
            receiver = client.get_queue_receiver(self.queue, **options)
        else:
            receiver = client.get_subscription_receiver(self.topic, self.subscription, **options)
        make_patient(receiver, False, self.timeout)
        try:
            await receiver.__aenter__()
        except BaseException:
            await self.hang_up(receiver)
            raise
        make_patient(receiver, True, self.timeout)
        let_close_at_once(receiver)
        return receiver

    async def mend(self, link: Any) -> None:
        """Open a receiver again whose connection has ended; what it has received stays locked, and can be settled.

        The SDK would do so itself, but only after it has waited in vain for answers to what it sends.
        """
        if is_cut(link):
            await disconnect(link)
            await link.__aenter__()
            let_close_at_once(link)

    async def hang_up(self, link: Any) -> None:
        """Close a sender, a receiver or what they belong to, which may be broken."""
        let_close_at_once(link)
        with at_most(_GOODBYE):
            try:
                await link.close()
            except Exception:  # noqa: BLE001 - it is not needed any more, whatever is wrong with it
                return

    async def client(self) -> Any:
        """Return the client, a new one if that of our own belongs elsewhere."""
        if not isinstance(self._source, str):
            return self._source
        if self._client is None or self._place != self._home.place():
            credential = self._credential
            if callable(credential):
                credential = self._own_credential = credential()
            self._client = open_client(self._source, credential, self.timeout)
            self._place = self._home.place()
        return self._client

    async def aclose(self) -> None:
        """Close the client and the credential, as far as they are our own."""
        client, self._client = self._client, None
        credential, self._own_credential = self._own_credential, None
        if self._place == self._home.place():
            for own in (client, credential):
                if own is not None:
                    await self.hang_up(own)
