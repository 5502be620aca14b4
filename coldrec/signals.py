"""What coldrec tells the shop. Receivers run after the commit; an error in one is logged and harms nobody."""

from django.dispatch import Signal

# Sent with ``shop`` and ``events`` (a list of newly stored ``Event`` rows; never duplicates;
# those of an import carry no primary key). Sender: ``Event``.
events_recorded = Signal()
