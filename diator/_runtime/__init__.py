"""What differs between asynchronous and blocking code: hand-written twins with the same names on both sides."""
