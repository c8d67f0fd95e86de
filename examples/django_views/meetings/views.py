import json

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View

from . import mediators
from .messages import JoinMeeting, MeetingIsFull, ReadMeeting, ScheduleMeeting
from .models import Meeting


@transaction.atomic
def schedule(title: str, seats: int, names: list[str]) -> int:
    """All or nothing: if somebody finds no seat, there is no meeting and nobody was told of it."""
    meeting_id = mediators.blocking.send(ScheduleMeeting(title=title, seats=seats))
    for name in names:
        mediators.blocking.send(JoinMeeting(meeting_id=meeting_id, name=name))
    return meeting_id


class MeetingList(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            meeting_id = schedule(**json.loads(request.body))
        except MeetingIsFull as error:
            return JsonResponse({"error": str(error)}, status=409)
        return JsonResponse({"id": meeting_id}, status=201)


class AsyncMeetingList(View):
    async def post(self, request: HttpRequest) -> HttpResponse:
        # a transaction belongs to one thread, so an async view hands over all of it
        try:
            meeting_id = await sync_to_async(schedule)(**json.loads(request.body))
        except MeetingIsFull as error:
            return JsonResponse({"error": str(error)}, status=409)
        return JsonResponse({"id": meeting_id}, status=201)


class MeetingDetail(View):
    async def get(self, request: HttpRequest, meeting_id: int) -> HttpResponse:
        # no transaction, and the handler is `async def`: await it
        try:
            meeting = await mediators.awaiting.send(ReadMeeting(meeting_id=meeting_id))
        except Meeting.DoesNotExist:
            return JsonResponse({"error": "no such meeting"}, status=404)
        return JsonResponse({"title": meeting.title, "participants": meeting.participants, "notices": meeting.notices})
