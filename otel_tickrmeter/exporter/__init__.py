"""Figures about the program itself, whichever fleet it watches."""
