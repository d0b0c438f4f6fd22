"""Text of queries, headers, cookies, forms and paths as values of declared types."""
