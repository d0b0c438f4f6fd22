"""What an operator sees of a running application: log lines, health, metrics."""
