"""What the service tells, as frozen dataclasses that ignore fields they do not know."""
