"""Takes a request from the adapter through middleware, handler and error handling to a wire response."""
