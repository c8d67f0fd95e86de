"""What the cases are made of. Handlers do next to nothing, so that what is around them is what is measured."""

from typing import Any


class Mailer:
    pass


class Session:
    def close(self) -> None:
        pass


# --- awaited


class AsyncHandler:
    async def handle(self, command: Any) -> Any:
        return command.user_id


class BuiltAsyncHandler(AsyncHandler):
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session


class AsyncEventHandler:
    async def handle(self, event: Any) -> None:
        pass


class BuiltAsyncEventHandler(AsyncEventHandler):
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session


async def pass_on_async(request: Any, handle: Any) -> Any:
    return await handle(request)


# --- blocking


class Handler:
    def handle(self, command: Any) -> Any:
        return command.user_id


class BuiltHandler(Handler):
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session


class EventHandler:
    def handle(self, event: Any) -> None:
        pass


class BuiltEventHandler(EventHandler):
    def __init__(self, mailer: Mailer, session: Session) -> None:
        self.mailer, self.session = mailer, session


def pass_on(request: Any, handle: Any) -> Any:
    return handle(request)


# --- the simplest containers that there could be


class Container:
    def resolve(self, type_: Any) -> Any:
        return type_() if type_ in (Mailer, Session) else type_(Mailer(), Session())


class Scope:
    """One session for a scope."""

    def __init__(self) -> None:
        self.session = Session()

    def resolve(self, type_: Any) -> Any:
        return type_(Mailer(), self.session)

    def __enter__(self) -> "Scope":
        return self

    def __exit__(self, *exc: object) -> None:
        self.session.close()


class AsyncScope(Scope):
    async def __aenter__(self) -> "AsyncScope":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.session.close()


class ScopedContainer(Container):
    scope = Scope


class AsyncScopedContainer(Container):
    scope = AsyncScope
