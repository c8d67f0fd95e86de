"""How long diator 0.1.2 takes to publish: runs in an environment of its own. Prints seconds per message."""

import asyncio
import sys
import time

from azure.servicebus.aio import ServiceBusClient

from diator.message_brokers.azure import AzureMessageBroker
from diator.message_brokers.protocol import Message


async def main(connection: str, count: int) -> None:
    client = ServiceBusClient.from_connection_string(connection)
    broker = AzureMessageBroker(client, "t")
    message = Message(message_type="notification_event", message_name="Counted", payload={"number": 1})
    begin = time.perf_counter()
    for _ in range(count):
        await broker.send_message(message)
    print((time.perf_counter() - begin) / count)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
