"""A made-up fleet, and what is true of it: the oracle of the tests, so it knows none of the fleet's state."""
