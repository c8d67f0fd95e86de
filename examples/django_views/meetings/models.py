from django.db import models


class Meeting(models.Model):
    title = models.CharField(max_length=100)
    seats = models.PositiveIntegerField()


class Participant(models.Model):
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="participants")
    name = models.CharField(max_length=100)


class Notice(models.Model):
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="notices")
    text = models.CharField(max_length=200)
