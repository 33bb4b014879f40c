"""The kinds of jobs there are, and the process that does the work of one."""
