"""`async def` handlers for blocking Django code, with their database work inside the caller's transaction.

Django keeps a database connection per thread, so what a handler does in another thread happens outside of its caller's
``transaction.atomic()``. With a `DjangoRunner` the ORM work of `async def` code comes home to the thread that called
the mediator::

    mediator = Mediator(requests, event_map=events, runner=DjangoRunner())  # Mediator from diator.sync

    def view(request):
        with transaction.atomic():
            mediator.send(JoinMeeting(meeting_id=1, user_id=2))
        return HttpResponse(status=204)

An async view puts such a block into a function of its own, and calls it with ``await sync_to_async(function)()``.
"""

from .runner import DjangoRunner

__all__ = ("DjangoRunner",)
