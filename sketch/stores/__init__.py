"""Values under keys, each with an end: where sessions and limits keep what outlives a request."""
