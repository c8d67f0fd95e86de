"""The handlers. Write each as `def` or `async def`, as it suits what it calls: their work is one transaction."""

from diator import Events
from diator.events import EventMap
from diator.requests import RequestMap

from .messages import JoinMeeting, MeetingIsFull, MeetingView, ParticipantJoined, ReadMeeting, ScheduleMeeting
from .models import Meeting, Notice

requests, events = RequestMap(), EventMap()


@requests.handler
def schedule_meeting(command: ScheduleMeeting) -> int:
    return Meeting.objects.create(title=command.title, seats=command.seats).pk


@requests.handler
async def join_meeting(command: JoinMeeting, events: Events) -> None:
    # the lock is held until the view's transaction ends, so nobody else takes the last seat
    meeting = await Meeting.objects.select_for_update().aget(pk=command.meeting_id)
    seats_left = meeting.seats - await meeting.participants.acount()
    if not seats_left:
        raise MeetingIsFull(f"{meeting.title} has no seat for {command.name}")
    await meeting.participants.acreate(name=command.name)
    events.append(ParticipantJoined(meeting_id=meeting.pk, name=command.name, seats_left=seats_left - 1))


@requests.handler
async def read_meeting(query: ReadMeeting) -> MeetingView:
    meeting = await Meeting.objects.aget(pk=query.meeting_id)
    return MeetingView(
        title=meeting.title,
        participants=[participant.name async for participant in meeting.participants.order_by("pk")],
        notices=[notice.text async for notice in meeting.notices.order_by("pk")],
    )


@events.handler
def welcome(event: ParticipantJoined) -> None:
    Notice.objects.create(meeting_id=event.meeting_id, text=f"Welcome, {event.name}!")


@events.handler
async def announce_last_seat(event: ParticipantJoined) -> None:
    if event.seats_left == 1:
        await Notice.objects.acreate(meeting_id=event.meeting_id, text="Only one seat is left.")
