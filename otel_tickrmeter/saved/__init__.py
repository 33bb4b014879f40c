"""What outlasts a restart, as tables of plain values; not where it is written."""
