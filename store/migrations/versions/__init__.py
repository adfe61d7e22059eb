"""One file a revision; see script.py.mako for the form of a new one."""
