"""`sketch doctor`: says what would run, and what is unsafe or missing. It starts nothing, and listens nowhere."""
