"""The command: speaking to a running server, and running one."""
