"""The fleets, each in a house of its own: what its messages mean, what is remembered of it and shown."""
