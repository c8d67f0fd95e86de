"""A stand-in for Azure Service Bus: real AMQP 1.0 on a loopback port, which Microsoft's own SDK accepts unmodified.

::

    with ServiceBusServer() as server:
        server.add_queue("orders", lock_duration=5, max_delivery_count=3)
        server.add_topic("events", "billing")
        client = ServiceBusClient.from_connection_string(server.connection_string)

``python -m tests.servicebus`` runs it for a person to play with. Qpid Proton is the protocol engine, asyncio
carries the bytes, and one thread runs both, so the same server serves tests on asyncio, trio and threads.

What it does as the service does
    ``$cbs`` with signatures and times of shared access signatures; queues; topics, whose subscriptions have filters;
    peek-lock with locks that expire, and receive-and-delete; complete, abandon, release, defer and dead-letter, on the
    link and through ``$management``; renewal of locks; peeking; scheduled and deferred messages; ``$DeadLetterQueue``;
    delivery counts, which are 0 in the first delivery, grow by abandoning and by expiry, and not by releasing; the
    limit of deliveries; time to live; duplicate detection; sessions with state; limits of size and number; a token for
    an entity that is not there is answered with 404; an oversize message is rejected and its link detached; closing a
    link leaves locks of messages until they expire, and frees a session at once; verdicts are confirmed.

What can be made to go wrong (`Faults`)
    Reset connections, detached links, a server that hangs, that is away, or that is slow, lost acknowledgements, lost
    settlements, refused sends, refused links (`Security`).

What it is not
    - No administration over HTTP, no rules over AMQP, no SQL filters: entities and filters are made in Python.
    - No transactions, forwarding, partitioned entities, batch deletes, AMQP over WebSocket, and nothing is stored.
    - No throttling, and of the quotas only the number of messages in an entity and the size of one.
    - Tokens other than shared access signatures are taken unseen. There is one right for everything, and a token that
      expires later detaches nothing. Idle links are not detached either.
    - A batch is recognised by its content, and one that is refused half-way is stored half-way.
    - Scheduling to a topic returns the number in the last subscription.
    - Times and limits are exact, where the service may be a little late, and the order is strictly that of arrival.
    - It is stricter where Proton is: a delivery id that is repeated or skipped ends the connection. That is what comes
      of two tasks using one sender or receiver of the SDK at the same time.
"""

from .errors import Refusal
from .faults import Faults
from .queues import Options, Queue, Stored
from .server import ServiceBusServer
from .topics import Topic, correlation_filter

__all__ = ("Faults", "Options", "Queue", "Refusal", "ServiceBusServer", "Stored", "Topic", "correlation_filter")
