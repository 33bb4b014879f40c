"""What series of readings say beyond themselves, pure: averages, and what is unusual. Times are passed in."""
