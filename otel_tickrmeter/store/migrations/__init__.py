"""How a database comes from one form of the tables to the next; `schema.py` runs it."""
