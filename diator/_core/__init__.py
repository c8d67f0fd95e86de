"""The decisions, without any I/O: nothing in here awaits, starts a thread, opens a socket or knows a broker."""
