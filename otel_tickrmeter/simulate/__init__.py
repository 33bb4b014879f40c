"""What the simulators of all fleets share: planned messages, published at their times, with a summary."""
