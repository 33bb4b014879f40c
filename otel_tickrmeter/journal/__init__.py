"""What arrives, written down before the broker may forget it: a program that is killed loses none of it."""
