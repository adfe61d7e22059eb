"""What the client does, as generators that do no I/O: they yield steps, and are told what came of each.

Both clients drive the same flows, so that retries, waiting and reconnecting are written, and tested, once.
"""
