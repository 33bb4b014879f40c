"""The rows of the instruments about the program itself."""
