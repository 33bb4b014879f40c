"""A made-up AutoCore fleet, and what is true of it: an oracle, so it knows none of the fleet's state."""
