"""What queues and messages are, and what may be said of them; nothing here reads or writes."""
