"""The seed providers, simulated: their wire formats over HTTP, with jobs that advance on a clock."""
