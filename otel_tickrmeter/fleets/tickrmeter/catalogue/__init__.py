"""The rows of the fleet's instruments."""
