"""Dead letters: messages that were set aside, kept in files as JSON lines, and shown to people."""
