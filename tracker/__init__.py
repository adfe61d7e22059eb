"""Tracker polls job APIs that can only be polled, and tells subscribers by signed webhooks."""
