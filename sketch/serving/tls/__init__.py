"""TLS for all servers: the context made of the options, its files, and what the log says of handshakes."""
