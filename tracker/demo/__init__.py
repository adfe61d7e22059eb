"""`tracker demo`: simulated providers and a receiver that verifies, put to work. The tests use them too."""
