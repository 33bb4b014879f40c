"""What is served to people and machines besides the exposition: routes and pages, from plain values."""
