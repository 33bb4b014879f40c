"""What the receiver handed over, kept in files, to be played again."""
