"""The wiring of stages into runs."""
