"""Pages made of templates."""
