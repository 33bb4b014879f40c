"""What a fleet shows of itself to people and to programs: lists of things and their fields, as plain data."""
