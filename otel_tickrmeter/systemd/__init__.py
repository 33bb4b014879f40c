"""The service manager that has started us, if it is one that wants to be told: sd_notify(3)."""
