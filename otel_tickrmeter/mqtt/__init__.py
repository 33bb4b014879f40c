"""The broker side: a receiving process that stamps messages at the socket, and the feed that reads it."""
