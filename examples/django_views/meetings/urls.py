from django.urls import path

from . import views

urlpatterns = [
    path("", views.MeetingList.as_view()),
    path("async/", views.AsyncMeetingList.as_view()),
    path("<int:meeting_id>/", views.MeetingDetail.as_view()),
]
