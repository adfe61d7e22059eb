"""The calls of the API: what each sends and how its answer is read, written once for both clients."""
