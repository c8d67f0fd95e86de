"""The application, put together by wireup."""

import wireup
from app import JoinMeetingHandler, Storage, WelcomeUser, main, open_session

from diator.aio.container.wireup import WireupContainer
from diator.sync.container.wireup import WireupContainer as BlockingWireupContainer

# in an application of one's own, these are decorators: @wireup.injectable(lifetime="scoped")
injectables = [
    wireup.injectable(Storage),
    wireup.injectable(open_session, lifetime="scoped"),
    wireup.injectable(JoinMeetingHandler, lifetime="scoped"),
    wireup.injectable(WelcomeUser, lifetime="scoped"),
]

if __name__ == "__main__":
    main(
        WireupContainer(wireup.create_async_container(injectables=injectables)),
        BlockingWireupContainer(wireup.create_sync_container(injectables=injectables)),
    )
