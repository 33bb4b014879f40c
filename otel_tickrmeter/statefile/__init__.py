"""The file in which a state outlasts a restart: SQLite, written anew and put in place whole."""
