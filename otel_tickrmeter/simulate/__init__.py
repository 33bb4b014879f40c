"""A simulated fleet: what it will publish is planned first, so what it sent is known exactly."""
