"""``python -m tests.servicebus``: run the stand-in until Ctrl-C, and print how to connect to it."""

import argparse
import threading
from contextlib import suppress

from . import ServiceBusServer


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Azure Service Bus, on a loopback port.")
    parser.add_argument("--port", type=int, default=0, help="where to listen; any free port by default")
    parser.add_argument("--queue", action="append", default=[], metavar="NAME", help='a queue ("orders" by default)')
    parser.add_argument("--topic", action="append", default=[], metavar="NAME/SUBSCRIPTION", help="a topic")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="be slow")
    parser.add_argument("--lock", type=float, default=30.0, metavar="SECONDS", help="how long a message is locked")
    options = parser.parse_args()
    with ServiceBusServer(port=options.port, delay=options.delay) as server, suppress(KeyboardInterrupt):
        for name in options.queue or ([] if options.topic else ["orders"]):
            server.add_queue(name, lock_duration=options.lock)
        for name in options.topic:
            topic, _, subscription = name.partition("/")
            server.add_topic(topic)
            server.add_subscription(topic, subscription or "all", lock_duration=options.lock)
        print(server.connection_string, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
